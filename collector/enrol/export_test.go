package enrol

// CutAt has the program "end" before the nth change of a file; done says whether
// there were so many.
func CutAt(a *Authority, n int, rotate func() error) (done bool, err error) {
	type cut struct{}
	a.step = func() {
		if n == 0 {
			panic(cut{})
		}
		n--
	}
	defer func() {
		if r := recover(); r != nil {
			if _, ours := r.(cut); !ours {
				panic(r)
			}
		}
	}()
	return true, rotate()
}

// Dir is the authority's folder.
func (a *Authority) Dir() string { return a.dir }

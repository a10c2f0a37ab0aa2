package filter

import "golang.org/x/net/bpf"

// asm puts a filter together with names for its jumps.
type asm struct {
	code   []bpf.Instruction
	labels map[string]int
	jumps  []jumpTo
	base   uint32 // where the IP header begins
}

type jumpTo struct {
	at int
	to string
}

func (a *asm) do(in ...bpf.Instruction)        { a.code = append(a.code, in...) }
func (a *asm) label(name string)               { a.labels[name] = len(a.code) }
func (a *asm) load(off uint32, size int)       { a.frame(a.base+off, size) }
func (a *asm) frame(off uint32, size int)      { a.do(bpf.LoadAbsolute{Off: off, Size: size}) }
func (a *asm) jump(equal uint32, to string)    { a.cond(bpf.JumpEqual, equal, to) }
func (a *asm) jumpNot(equal uint32, to string) { a.cond(bpf.JumpNotEqual, equal, to) }

// jumpLess goes where A is below val, jumpMore where it is above, jumpAny where
// it has one of val's bits.
func (a *asm) jumpMore(val uint32, to string) { a.cond(bpf.JumpGreaterThan, val, to) }
func (a *asm) jumpLess(val uint32, to string) { a.cond(bpf.JumpLessThan, val, to) }
func (a *asm) jumpAny(bits uint32, to string) { a.cond(bpf.JumpBitsSet, bits, to) }

func (a *asm) cond(test bpf.JumpTest, val uint32, to string) {
	a.jumps = append(a.jumps, jumpTo{len(a.code), to})
	a.do(bpf.JumpIf{Cond: test, Val: val})
}

func (a *asm) always(to string) {
	a.jumps = append(a.jumps, jumpTo{len(a.code), to})
	a.do(bpf.Jump{})
}

// link fills in the distances. A jump to a label that was never set is a
// mistake in the program and stops here.
func (a *asm) link() []bpf.Instruction {
	for _, j := range a.jumps {
		to, ok := a.labels[j.to]
		if !ok {
			panic("packet filter: no label " + j.to)
		}
		skip := to - j.at - 1
		switch in := a.code[j.at].(type) {
		case bpf.Jump:
			in.Skip = uint32(skip)
			a.code[j.at] = in
		case bpf.JumpIf:
			in.SkipTrue = uint8(skip)
			a.code[j.at] = in
		}
	}
	return a.code
}

package execbpf

// The objects are committed: building the agent needs no C compiler. They are
// made again after a change of the C with clang and Debian's libbpf-dev:
//
//go:generate go tool bpf2go -go-package execbpf -tags linux -target amd64,arm64 -cflags "-O2 -g -Wall -Werror -idirafter /usr/include/x86_64-linux-gnu -idirafter /usr/include/aarch64-linux-gnu" exec exec.bpf.c
//go:generate sh -c "sha256sum exec.bpf.c ../../kernel/types.h ../../kernel/path.h > sources.sha256"

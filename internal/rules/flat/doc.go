// Package flat lays texts, and an index of what they stand for, out as bytes that
// are read where they lie: a file of them is mapped and used, whatever its size,
// without a text being copied or an index being built.
//
// All numbers are little-endian. What is opened is held against its own bounds
// first, so that damaged bytes are an error and never a panic.
//
// It is for internal/rules alone, and knows nothing of what its texts mean.
package flat

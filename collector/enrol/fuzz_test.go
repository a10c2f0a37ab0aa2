package enrol_test

import (
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	safelightv1 "safelight/proto/safelight/v1"
)

// FuzzEnrolRequest hands the one call that needs no certificate whatever bytes
// parse as its request: nobody gets in without a token.
func FuzzEnrolRequest(f *testing.F) {
	h := newHouse(f)
	seed, err := proto.Marshal(&safelightv1.EnrolRequest{
		TokenSecret: "secret", CsrDer: csr(f, newKey(f)), Device: &safelightv1.DeviceInfo{Hostname: "laptop", Os: "linux"},
	})
	must(f, err)
	f.Add(seed)
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		var req safelightv1.EnrolRequest
		if proto.Unmarshal(data, &req) != nil {
			return
		}
		resp, err := h.service.Enrol(t.Context(), &req)
		if c := status.Code(err); resp != nil || c != codes.InvalidArgument && c != codes.PermissionDenied {
			t.Errorf("answered %v, %v", resp, err)
		}
	})
}

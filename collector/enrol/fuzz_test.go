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

// FuzzRenewAndSplitRequest hands the calls of a device that is known whatever
// bytes parse as their requests: nothing but its own key's certificate is
// renewed, and no device is split that was not told to.
func FuzzRenewAndSplitRequest(f *testing.F) {
	h := newHouse(f)
	d := h.enrolled()
	renew, err := proto.Marshal(&safelightv1.RenewRequest{CsrDer: csr(f, newKey(f))})
	must(f, err)
	split, err := proto.Marshal(&safelightv1.SplitRequest{CsrDer: csr(f, newKey(f)), Instance: make([]byte, 16), Device: &safelightv1.DeviceInfo{Hostname: "laptop"}})
	must(f, err)
	f.Add(renew)
	f.Add(split)
	f.Add([]byte{})
	client := safelightv1.NewEnrolmentServiceClient(d.connect())
	f.Fuzz(func(t *testing.T, data []byte) {
		var renew safelightv1.RenewRequest
		if proto.Unmarshal(data, &renew) == nil {
			resp, err := client.Renew(t.Context(), &renew)
			if c := status.Code(err); resp != nil || c != codes.InvalidArgument && c != codes.PermissionDenied {
				t.Errorf("renewing answered %v, %v", resp, err)
			}
		}
		var split safelightv1.SplitRequest
		if proto.Unmarshal(data, &split) == nil {
			resp, err := client.Split(t.Context(), &split)
			if c := status.Code(err); resp != nil || c != codes.InvalidArgument && c != codes.PermissionDenied {
				t.Errorf("splitting answered %v, %v", resp, err)
			}
		}
	})
}

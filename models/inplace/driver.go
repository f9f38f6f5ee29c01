package inplace

/*
#include <dlfcn.h>

enum { capability_major = 75, capability_minor = 76 };  // of CUdevice_attribute

// Ten times the compute capability of a device, from the driver; below 0: there is no driver, or it has no such device.
static int capability(int device) {
	void *driver = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);  // stays loaded: the CUDA provider needs it
	if (!driver) return -1;
	int (*init)(unsigned) = (int (*)(unsigned))dlsym(driver, "cuInit");
	int (*get)(int *, int) = (int (*)(int *, int))dlsym(driver, "cuDeviceGet");
	int (*attribute)(int *, int, int) = (int (*)(int *, int, int))dlsym(driver, "cuDeviceGetAttribute");
	int handle, major, minor;
	if (!init || !get || !attribute || init(0) || get(&handle, device)) return -2;
	if (attribute(&major, capability_major, handle) || attribute(&minor, capability_minor, handle)) return -2;
	return 10 * major + minor;
}
*/
import "C"

import "errors"

// Capability gives ten times the compute capability of a GPU, which tells what its kernels may be: 80 of an A100, 90 of
// an H100. It needs the driver alone.
func Capability(gpu int) (int, error) {
	switch found := int(C.capability(C.int(gpu))); found {
	case -1:
		return 0, errors.New("the NVIDIA driver (libcuda.so.1) is not installed, or not visible here")
	case -2:
		return 0, errors.New("the NVIDIA driver knows no such GPU")
	default:
		return found, nil
	}
}

"""A stand-in for NVIDIA's driver that claims one device; nothing can be computed on it.

It answers the questions that a framework asks before it registers a device, so that its libraries can be tested where
there is no GPU. Needs gcc and strings (Debian: gcc, binutils).
"""

import re
import subprocess

HEAD = "#include <stdio.h>\n#include <string.h>\n"
# CUdevice_attribute -> value: compute capability 8.0, 108 multiprocessors, the usual limits.
ATTRIBUTES = {
    **{1: 1024, 2: 1024, 3: 1024, 4: 64, 5: 65535, 6: 65535, 7: 65535, 8: 49152, 10: 32, 12: 65536, 13: 1410000},
    **{16: 108, 36: 1215000, 37: 5120, 38: 41943040, 39: 2048, 75: 8, 76: 0, 81: 167936, 82: 65536, 97: 166912},
}
CASES = "".join(f"case {attribute}:*v={value};break;" for attribute, value in ATTRIBUTES.items())
ANSWERS = {
    "cuDeviceGetCount": "int cuDeviceGetCount(int*n){*n=1;return 0;}",
    "cuDeviceGet": "int cuDeviceGet(int*d,int o){*d=o;return 0;}",
    "cuDriverGetVersion": "int cuDriverGetVersion(int*v){*v=12090;return 0;}",
    "cuDeviceGetName": 'int cuDeviceGetName(char*s,int l,int d){snprintf(s,l,"STAND-IN");return 0;}',
    "cuDeviceTotalMem_v2": "int cuDeviceTotalMem_v2(size_t*b,int d){*b=40ull<<30;return 0;}",
    "cuMemGetInfo_v2": "int cuMemGetInfo_v2(size_t*f,size_t*t){*f=39ull<<30;*t=40ull<<30;return 0;}",
    "cuDeviceGetPCIBusId": 'int cuDeviceGetPCIBusId(char*s,int l,int d){snprintf(s,l,"0000:00:04.0");return 0;}',
    "cuDeviceGetUuid": "int cuDeviceGetUuid(char*u,int d){memset(u,1,16);return 0;}",
    "cuDeviceGetUuid_v2": "int cuDeviceGetUuid_v2(char*u,int d){memset(u,1,16);return 0;}",
    "cuDevicePrimaryCtxRetain": "int cuDevicePrimaryCtxRetain(void**c,int d){*c=(void*)0x1000;return 0;}",
    "cuCtxGetCurrent": "int cuCtxGetCurrent(void**c){*c=(void*)0x1000;return 0;}",
    "cuCtxGetDevice": "int cuCtxGetDevice(int*d){*d=0;return 0;}",
    "cuDevicePrimaryCtxGetState": "int cuDevicePrimaryCtxGetState(int d,unsigned*f,int*a){*f=0;*a=1;return 0;}",
    "cuGetErrorName": 'int cuGetErrorName(int e,const char**s){*s="E";return 0;}',
    "cuGetErrorString": 'int cuGetErrorString(int e,const char**s){*s="E";return 0;}',
}
ANSWERS["cuDeviceGetAttribute"] = (
    f"int cuDeviceGetAttribute(int*v,int a,int d){{switch(a){{{CASES}default:*v=1;}}return 0;}}"
)


def build(tensorflow, folder):
    """Write ``libcuda.so.1`` and ``libnvidia-ml.so.1`` with every function that an installed TensorFlow asks for."""
    texts = [
        subprocess.run(["strings", "-n", "4", tensorflow / name], capture_output=True, text=True, check=True).stdout
        for name in ("libtensorflow_framework.so.2", "libtensorflow_cc.so.2")
    ]
    words = set("\n".join(texts).split("\n"))
    driver = {word for word in words if re.fullmatch(r"cu[A-Z][A-Za-z0-9]+(_v\d+)?(_ptsz|_ptds)?", word)} | set(ANSWERS)
    manager = {word for word in words if re.fullmatch(r"nvml[A-Z][A-Za-z0-9]+(_v\d+)?", word)}
    _compile("libcuda.so.1", driver, folder)
    _compile("libnvidia-ml.so.1", manager | {"nvmlInit_v2", "nvmlShutdown"}, folder)
    return folder


def _compile(name, functions, folder):
    source = folder / f"{name}.c"
    bodies = [ANSWERS.get(function, f"int {function}(){{return 0;}}") for function in sorted(functions)]
    source.write_text(HEAD + "\n".join(bodies))
    command = ["gcc", "-w", "-shared", "-fPIC", f"-Wl,-soname,{name}", "-o", folder / name, source]
    subprocess.run(command, check=True)

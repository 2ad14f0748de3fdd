// The Python module. Operators register themselves with torch when it is loaded; here is only what needs no
// tensor.
#include <pybind11/pybind11.h>

namespace py = pybind11;

#ifndef PYXAI_CUDA_ARCHS
#define PYXAI_CUDA_ARCHS ""
#endif

static const char *instruction_set() {
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && __GNUC__ >= 12
    __builtin_cpu_init();
    if (__builtin_cpu_supports("x86-64-v4"))
        return "x86-64-v4";
    if (__builtin_cpu_supports("x86-64-v3"))
        return "x86-64-v3";
#endif
    return "baseline";
}

PYBIND11_MODULE(_C, module) {
    module.def(
        "build_info",
        [] {
            py::dict info;
            info["compiler"] = __VERSION__;
            info["cuda_archs"] = PYXAI_CUDA_ARCHS;
            info["instruction_set"] = instruction_set();
            return info;
        },
        "What was compiled in (compiler, GPU architectures or \"\") and the instruction set in use on this "
        "CPU.");
}

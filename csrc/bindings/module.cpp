// The Python module. Operators register themselves with torch when it is loaded; here is only what needs no
// tensor.
#include <atomic>
#include <thread>

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include "bindings/spanning_tree.h"

namespace py = pybind11;

using Bytes = py::array_t<uint8_t, py::array::c_style>;

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

// f(image) for every image, shared out over threads, without Python's lock.
template <class F>
static void for_images(int64_t images, int threads, F f) {
    py::gil_scoped_release released;
    std::atomic<int64_t> next{0};
    const auto work = [&] {
        for (int64_t image; (image = next++) < images;)
            f(image);
    };
    std::vector<std::thread> others;
    for (int t = 1; t < std::min<int64_t>(threads, images); ++t)
        others.emplace_back(work);
    work();
    for (std::thread &other : others)
        other.join();
}

// Images (N, H, W, C), C at most 4, H W below 2^30: what `_native` has checked.
static pyxai::Picture picture_of(const Bytes &images, int64_t image) {
    const int64_t height = images.shape(1), width = images.shape(2), channels = images.shape(3);
    return {images.data() + image * height * width * channels, height, width, channels};
}

static py::array barrier_distances(const Bytes &images, bool exact, int threads) {
    Bytes out({images.shape(0), images.shape(1), images.shape(2)});
    uint8_t *to = out.mutable_data();
    for_images(images.shape(0), threads, [&](int64_t image) {
        const pyxai::Picture picture = picture_of(images, image);
        const pyxai::Tree tree = pyxai::spanning_tree(picture);
        (exact ? pyxai::exact_distances : pyxai::two_pass_distances)(picture, tree,
                                                                     to + image * picture.size());
    });
    return out;
}

static py::array spanning_trees(const Bytes &images, int threads) {
    py::array_t<int32_t> out({images.shape(0), images.shape(1) * images.shape(2)});
    int32_t *to = out.mutable_data();
    for_images(images.shape(0), threads, [&](int64_t image) {
        const pyxai::Picture picture = picture_of(images, image);
        const pyxai::Tree tree = pyxai::spanning_tree(picture);
        std::copy(tree.parent.begin(), tree.parent.end(), to + image * picture.size());
    });
    return out;
}

PYBIND11_MODULE(_C, module) {
    module.def("barrier_distances", &barrier_distances);
    module.def("spanning_trees", &spanning_trees);
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

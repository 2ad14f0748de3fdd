// How a signal goes on beyond its border, by the name it has in Python.
#pragma once

#include <string>

#include "common/torch.h"
#include "kernels/dwt.h"

namespace pyxai {

inline Padding padding_named(const std::string &name) {
    if (name == "zero")
        return Padding::zero;
    if (name == "symmetric")
        return Padding::symmetric;
    if (name == "periodic")
        return Padding::periodic;
    STD_TORCH_CHECK(name == "reflect", "dwt: unknown padding ", name);
    return Padding::reflect;
}

} // namespace pyxai

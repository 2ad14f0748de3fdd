// The range that a map is brought to, by the name it has in Python.
#pragma once

#include <string>

#include "common/torch.h"
#include "kernels/normalize_map.h"

namespace pyxai {

inline Range range_named(const std::string &name) {
    if (name == "none")
        return Range::none;
    if (name == "min_max")
        return Range::min_max;
    STD_TORCH_CHECK(name == "max", "normalize_map: unknown range ", name);
    return Range::max;
}

} // namespace pyxai

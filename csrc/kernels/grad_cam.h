// Grad-CAM: a channel's values, weighted by the mean of its gradients.
#pragma once

#include "common/hd.h"

namespace pyxai {

template <class A>
struct GradCamTerm {
    PYXAI_HD A operator()(A weight, A value) const { return weight * value; }
};

} // namespace pyxai

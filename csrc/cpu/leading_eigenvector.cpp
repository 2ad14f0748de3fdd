#include "kernels/leading_eigenvector.h"

#include <tuple>

#include "common/cpu.h"
#include "common/lanes.h"

namespace pyxai {

// One thread; see kernels/leading_eigenvector.h.
template <class A>
struct Alone {
    template <class F>
    PYXAI_HD void each(int64_t size, F f) {
        for (int64_t i = 0; i < size; ++i)
            f(i);
    }

    template <class F>
    PYXAI_HD A sum(int64_t size, F f) {
        return sum_in_lanes<A>(size, f);
    }

    template <class F, class G>
    PYXAI_HD void sums(int64_t count, int64_t size, F f, G g) {
        for (int64_t i = 0; i < count; ++i)
            g(i, sum_in_lanes<A>(size, [&](int64_t j) { return f(i, j); }));
    }

    template <class F>
    PYXAI_HD void once(F f) {
        f();
    }

    PYXAI_HD void subtract(A *to, const A *rows, const A *weights, int64_t count, int64_t size) {
        for (int64_t i = 0; i < count; ++i) {
            PYXAI_IN_STEP
            for (int64_t j = 0; j < size; ++j)
                to[j] -= weights[i] * rows[i * size + j];
        }
    }
};

template <class T, class A>
PYXAI_CLONES void lead_alone(T *vector, T *value, const T *matrix, int64_t size,
                             const LeadingScratch<A> &work) {
    Alone<A> team;
    lead(team, vector, value, matrix, size, work);
}

static std::tuple<Tensor, Tensor> leading_eigenvector(const Tensor &matrices) {
    const int64_t count = matrices.size(0), size = matrices.size(1);
    const Tensor dense = contiguous(matrices);
    const Tensor vectors = torch::stable::new_empty(dense, {count, size});
    const Tensor values = torch::stable::new_empty(dense, {count});
    dispatch_floating(matrices.scalar_type(), "leading_eigenvector", [&](auto zero) {
        using T = decltype(zero);
        using A = accumulate_t<T>;
        const T *in = dense.const_data_ptr<T>();
        T *vector = vectors.mutable_data_ptr<T>(), *value = values.mutable_data_ptr<T>();
        const int64_t grain = std::max<int64_t>(1, kGrain / (16 * std::max<int64_t>(1, size * size)));
        torch::stable::parallel_for(0, count, grain, [&](int64_t begin, int64_t end) {
            std::vector<A> memory(LeadingScratch<A>::values(size));
            const LeadingScratch<A> work(memory.data(), size);
            for (int64_t i = begin; i < end; ++i)
                lead_alone(vector + i * size, value + i, in + i * size * size, size, work);
        });
    });
    return {vectors, values};
}

STABLE_TORCH_LIBRARY_IMPL(pyxai, CPU, library) {
    library.impl("leading_eigenvector", TORCH_BOX(&leading_eigenvector));
}

} // namespace pyxai

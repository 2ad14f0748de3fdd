#include "emulation/fibers.h"

#include <stdexcept>
#include <utility>

#include "emulation/memory.h"

namespace pyxai::emulation {

constexpr size_t kStack = size_t(1) << 17;

Fibers &fibers() {
    static Fibers fibers;
    return fibers;
}

void Fibers::make(Fiber &fiber) {
    getcontext(&fiber.context);
    fiber.context.uc_stack.ss_sp = fiber.stack;
    fiber.context.uc_stack.ss_size = kStack;
    makecontext(&fiber.context, enter, 0);
}

void Fibers::enter() {
    Fibers &self = fibers();
    for (;;) {
        (*self.body_)();
        self.idle_.push_back(self.running_);
        self.leave();
    }
}

void Fibers::begin(const std::function<void()> &body) {
    if (idle_.empty()) {
        all_.push_back(std::make_unique<Fiber>());
        all_.back()->stack = reserve(kStack, true);
        make(*all_.back());
        idle_.push_back(all_.back().get());
    }
    body_ = &body;
    Fiber *fiber = idle_.back();
    idle_.pop_back();
    resume(fiber);
}

void Fibers::resume(Fiber *fiber) {
    running_ = fiber;
    swapcontext(&outside_, &fiber->context);
    running_ = nullptr;
    if (!why_.empty())
        throw std::runtime_error(std::exchange(why_, {}));
}

void Fibers::leave() {
    swapcontext(&running_->context, &outside_);
}

void Fibers::escape(const std::string &why) {
    why_ = why;
    setcontext(&outside_);
    __builtin_unreachable();
}

void Fibers::abandon() {
    idle_.clear();
    for (const auto &fiber : all_) {
        make(*fiber);
        idle_.push_back(fiber.get());
    }
}

bool Fibers::on_stack(const void *at) const {
    return running_ && at >= running_->stack && at < running_->stack + kStack;
}

} // namespace pyxai::emulation

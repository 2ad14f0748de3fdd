// Several threads of control on one thread of the host, of which one runs.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <ucontext.h>
#include <vector>

namespace pyxai::emulation {

class Fibers {
public:
    struct Fiber {
        ucontext_t context;
        char *stack;
    };

    // Runs `body` on an idle fiber until it returns or leaves.
    void begin(const std::function<void()> &body);

    // Goes on where a fiber has left. Throws std::runtime_error if it escapes.
    void resume(Fiber *fiber);

    // The fiber that runs, or null.
    Fiber *running() const { return running_; }

    // Goes back to who has begun or resumed the fiber that runs.
    void leave();

    // The same for good, from wherever the fiber is, even the handler of a signal.
    [[noreturn]] void escape(const std::string &why);

    // Makes every fiber idle, whatever it has been doing.
    void abandon();

    // Whether an address lies on the stack of the fiber that runs.
    bool on_stack(const void *at) const;

private:
    static void enter();
    void make(Fiber &fiber);

    std::vector<std::unique_ptr<Fiber>> all_;
    std::vector<Fiber *> idle_;
    Fiber *running_ = nullptr;
    ucontext_t outside_;
    std::string why_;
    const std::function<void()> *body_ = nullptr;
};

Fibers &fibers();

} // namespace pyxai::emulation

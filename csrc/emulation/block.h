// The threads of one block: who runs, who waits, and for whom.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "emulation/device.h"
#include "emulation/fibers.h"

namespace pyxai::emulation {

class Block {
public:
    // Threads run in `order` as long as none waits.
    Block(uint32_t number, const std::vector<int> &order, const std::function<void()> &body);

    // Runs all threads to their end. Throws std::runtime_error if they wait for each other in vain.
    void run();

    // The thread that runs.
    const Actor &actor() const { return actor_; }

    // Lets the others run until the lanes of `mask`, or for 0 all threads of the block, have made the same
    // call.
    Exchanged wait(const char *call, unsigned mask, uint64_t value, int source, Site site);

private:
    struct Thread {
        Fibers::Fiber *fiber = nullptr; // that holds it while it waits
        bool left = false;              // has come to its end
        const char *call = nullptr;     // that it waits in, or null
        unsigned mask = 0;
        uint64_t value = 0;
        int source = 0;
        Site site = {};
        Exchanged result = {};
    };

    void begin_threads();
    void become(int thread);
    bool release();
    bool release_lanes(int thread);
    bool release_all();
    bool together(const Thread &one, int other) const;
    std::string waits_for(int thread) const;

    const std::vector<int> &order_;
    const std::function<void()> &body_;
    size_t begun_ = 0; // of order_
    std::vector<Thread> threads_;
    std::vector<uint16_t> syncs_; // of each warp
    Actor actor_;
};

} // namespace pyxai::emulation

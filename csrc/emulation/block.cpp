#include "emulation/block.h"

#include <cstring>
#include <utility>

namespace pyxai::emulation {

constexpr unsigned kAllLanes = 0xffffffffu;

Block::Block(uint32_t number, const std::vector<int> &order, const std::function<void()> &body)
    : order_(order), body_(body), threads_(order.size()), syncs_((order.size() + kWarp - 1) / kWarp),
      actor_{number, 0, 0, 0} {}

void Block::become(int thread) {
    actor_.thread = static_cast<uint16_t>(thread);
    actor_.syncs = syncs_[thread / kWarp];
    threadIdx.x = thread;
}

// On one fiber: thread after thread, so a kernel in which none waits is a plain loop.
void Block::begin_threads() {
    while (begun_ < order_.size()) {
        become(order_[begun_++]);
        body_();
        threads_[actor_.thread].left = true;
    }
}

void Block::run() {
    const std::function<void()> begin = [this] { begin_threads(); };
    while (begun_ < order_.size())
        fibers().begin(begin);
    while (release())
        for (const int thread : order_)
            if (threads_[thread].fiber && !threads_[thread].call)
                fibers().resume(std::exchange(threads_[thread].fiber, nullptr));
}

Exchanged Block::wait(const char *call, unsigned mask, uint64_t value, int source, Site site) {
    const int me = actor_.thread;
    Thread &thread = threads_[me];
    thread.call = call;
    thread.mask = mask;
    thread.value = value;
    thread.source = source;
    thread.site = site;
    thread.fiber = fibers().running();
    fibers().leave();
    become(me);
    return thread.result;
}

bool Block::together(const Thread &one, int other) const {
    if (other >= static_cast<int>(threads_.size()) || !threads_[other].call)
        return false;
    const Thread &thread = threads_[other];
    return thread.call == one.call && thread.mask == one.mask && thread.site.line == one.site.line &&
           std::strcmp(thread.site.file, one.site.file) == 0;
}

// Ends the calls to which everyone has come. False if no thread waits.
bool Block::release() {
    bool any = false;
    int waiting = -1;
    for (int t = static_cast<int>(threads_.size()) - 1; t >= 0; --t)
        if (threads_[t].call) {
            waiting = t;
            any |= threads_[t].mask != 0 && release_lanes(t);
        }
    if (waiting < 0)
        return false;
    if (!any && !release_all()) {
        become(waiting);
        fail(waits_for(waiting));
    }
    return true;
}

bool Block::release_lanes(int thread) {
    const Thread &one = threads_[thread];
    const int first = thread / kWarp * kWarp;
    unsigned votes = 0;
    for (int lane = 0; lane < kWarp; ++lane)
        if (one.mask >> lane & 1) {
            if (!together(one, first + lane))
                return false;
            votes |= static_cast<unsigned>(threads_[first + lane].value != 0) << lane;
        }
    if (one.mask == kAllLanes && std::strcmp(one.call, "__syncwarp") == 0)
        ++syncs_[thread / kWarp];
    const unsigned mask = one.mask;
    for (int lane = 0; lane < kWarp; ++lane)
        if (mask >> lane & 1) {
            Thread &other = threads_[first + lane];
            other.result = {votes, threads_[first + other.source].value};
            other.call = nullptr;
        }
    return true;
}

bool Block::release_all() {
    for (int t = 0; t < static_cast<int>(threads_.size()); ++t)
        if (threads_[0].mask != 0 || !together(threads_[0], t))
            return false;
    ++actor_.barriers;
    for (Thread &thread : threads_)
        thread.call = nullptr;
    return true;
}

static std::string in_words(const char *call, Site site) {
    return std::string("waits in ") + call + " (" + site.file + ":" + std::to_string(site.line) + ")";
}

// What a thread waits in, and for which other one in vain.
std::string Block::waits_for(int thread) const {
    const Thread &one = threads_[thread];
    const int first = one.mask ? thread / kWarp * kWarp : 0, count = one.mask ? kWarp : threads_.size();
    int other = first;
    while (other < first + count - 1 &&
           ((one.mask && !(one.mask >> (other - first) & 1)) || together(one, other)))
        ++other;
    const std::string text =
        in_words(one.call, one.site) + " for thread " + std::to_string(other) + ", which ";
    if (other >= static_cast<int>(threads_.size()))
        return text + "the block does not have";
    return text + (threads_[other].left ? "has come to its end"
                                        : in_words(threads_[other].call, threads_[other].site));
}

} // namespace pyxai::emulation

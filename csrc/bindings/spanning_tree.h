// Minimum spanning tree of a picture's pixel grid, and minimum barrier distances to its border along the
// tree. No torch, no Python.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <vector>

namespace pyxai {

// Pixels (height, width, channels), 8 bits each.
struct Picture {
    const uint8_t *pixels;
    int64_t height, width, channels;

    int64_t size() const { return height * width; }
    const uint8_t *at(int64_t pixel) const { return pixels + pixel * channels; }

    bool on_border(int64_t pixel) const {
        const int64_t row = pixel / width, column = pixel % width;
        return row == 0 || column == 0 || row == height - 1 || column == width - 1;
    }

    // Largest difference over the channels.
    int weight(int64_t one, int64_t other) const {
        int largest = 0;
        for (int64_t c = 0; c < channels; ++c)
            largest = std::max(largest, std::abs(int(at(one)[c]) - int(at(other)[c])));
        return largest;
    }
};

// The tree as seen from pixel 0: parents (-1 at the root) and an order in which parents come first.
struct Tree {
    std::vector<int32_t> parent, order;
};

// Kruskal's algorithm on the 4-neighbour grid. Edges are taken by weight and, among equals, by their number:
// 2 p from pixel p to its right, 2 p + 1 downwards. So the tree is one and the same on every machine.
inline Tree spanning_tree(const Picture &picture) {
    const int64_t size = picture.size(), width = picture.width;
    std::vector<int64_t> starts(257, 0);
    std::vector<int16_t> weights(2 * size, -1); // -1: no such edge
    for (int64_t p = 0; p < size; ++p) {
        if (p % width + 1 < width)
            weights[2 * p] = static_cast<int16_t>(picture.weight(p, p + 1));
        if (p + width < size)
            weights[2 * p + 1] = static_cast<int16_t>(picture.weight(p, p + width));
    }
    for (int16_t weight : weights)
        if (weight >= 0)
            ++starts[weight + 1];
    for (int w = 0; w < 256; ++w)
        starts[w + 1] += starts[w];
    std::vector<int32_t> sorted(starts[256]);
    for (int64_t e = 0; e < 2 * size; ++e)
        if (weights[e] >= 0)
            sorted[starts[weights[e]]++] = static_cast<int32_t>(e);

    std::vector<int32_t> set(size);
    for (int64_t p = 0; p < size; ++p)
        set[p] = static_cast<int32_t>(p);
    const auto find = [&](int32_t p) {
        while (set[p] != p)
            p = set[p] = set[set[p]];
        return p;
    };
    std::vector<uint8_t> joined(2 * size, 0);
    for (int32_t e : sorted) {
        const int32_t one = find(e / 2), other = find(e / 2 + (e % 2 ? static_cast<int32_t>(width) : 1));
        if (one != other) {
            set[std::max(one, other)] = std::min(one, other);
            joined[e] = 1;
        }
    }

    Tree tree{std::vector<int32_t>(size, -1), {}};
    tree.order.reserve(size);
    tree.order.push_back(0);
    for (int64_t place = 0; place < static_cast<int64_t>(tree.order.size()); ++place) {
        const int32_t p = tree.order[place];
        const auto visit = [&](int64_t next, int64_t edge) {
            if (joined[edge] && next != tree.parent[p]) {
                tree.parent[next] = p;
                tree.order.push_back(static_cast<int32_t>(next));
            }
        };
        if (p % width + 1 < width)
            visit(p + 1, 2 * p);
        if (p + width < size)
            visit(p + width, 2 * p + 1);
        if (p % width > 0)
            visit(p - 1, 2 * (p - 1));
        if (p >= width)
            visit(p - width, 2 * (p - width) + 1);
    }
    return tree;
}

// The range of values on a path, for each channel, and its barrier: the largest extent over the channels.
struct Barrier {
    uint8_t low[4], high[4];

    static Barrier of(const Picture &picture, int64_t pixel) {
        Barrier start{};
        for (int64_t c = 0; c < picture.channels; ++c)
            start.low[c] = start.high[c] = picture.at(pixel)[c];
        return start;
    }

    Barrier extended(const Picture &picture, int64_t pixel) const {
        Barrier longer{};
        for (int64_t c = 0; c < picture.channels; ++c) {
            longer.low[c] = std::min(low[c], picture.at(pixel)[c]);
            longer.high[c] = std::max(high[c], picture.at(pixel)[c]);
        }
        return longer;
    }

    int height(int64_t channels) const {
        int largest = 0;
        for (int64_t c = 0; c < channels; ++c)
            largest = std::max(largest, high[c] - low[c]);
        return largest;
    }
};

constexpr int kFar = 256; // more than any barrier

// Every pixel keeps the lowest path it was offered, from the leaves to the root and back: never below the
// exact distance, sometimes above, because a path that is lower here may be higher further on.
inline void two_pass_distances(const Picture &picture, const Tree &tree, uint8_t *out) {
    const int64_t size = picture.size();
    std::vector<Barrier> best(size);
    std::vector<int16_t> distance(size, kFar);
    for (int64_t p = 0; p < size; ++p)
        if (picture.on_border(p)) {
            best[p] = Barrier::of(picture, p);
            distance[p] = 0;
        }
    const auto offer = [&](int32_t from, int32_t to) {
        if (distance[from] == kFar || distance[to] <= distance[from])
            return; // a longer path is no lower
        const Barrier path = best[from].extended(picture, to);
        const int height = path.height(picture.channels);
        if (height < distance[to]) {
            best[to] = path;
            distance[to] = static_cast<int16_t>(height);
        }
    };
    for (int64_t place = size - 1; place > 0; --place)
        offer(tree.order[place], tree.parent[tree.order[place]]);
    for (int64_t place = 1; place < size; ++place)
        offer(tree.parent[tree.order[place]], tree.order[place]);
    for (int64_t p = 0; p < size; ++p)
        out[p] = static_cast<uint8_t>(distance[p]);
}

// The lowest barrier of the tree's paths from any border pixel: every path is walked, which takes
// (border pixels) x (pixels) steps.
inline void exact_distances(const Picture &picture, const Tree &tree, uint8_t *out) {
    const int64_t size = picture.size();
    std::vector<std::vector<int32_t>> neighbours(size);
    for (int64_t place = 1; place < size; ++place) {
        const int32_t p = tree.order[place];
        neighbours[p].push_back(tree.parent[p]);
        neighbours[tree.parent[p]].push_back(p);
    }
    struct Step {
        int32_t pixel, from;
        Barrier path;
    };
    std::fill(out, out + size, uint8_t(255));
    std::vector<Step> waiting;
    for (int64_t seed = 0; seed < size; ++seed) {
        if (!picture.on_border(seed))
            continue;
        waiting.push_back({static_cast<int32_t>(seed), -1, Barrier::of(picture, seed)});
        while (!waiting.empty()) {
            const Step step = waiting.back();
            waiting.pop_back();
            out[step.pixel] =
                static_cast<uint8_t>(std::min<int>(out[step.pixel], step.path.height(picture.channels)));
            for (int32_t next : neighbours[step.pixel])
                if (next != step.from)
                    waiting.push_back({next, step.pixel, step.path.extended(picture, next)});
        }
    }
}

} // namespace pyxai

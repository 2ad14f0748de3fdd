"use strict";

/* A whole number below 2^32 that a text decides. */
function hashed(text) {
  let state = 2166136261;
  for (const byte of new TextEncoder().encode(text)) state = Math.imul(state ^ byte, 16777619);
  for (const shift of [15, 13, 16]) state = Math.imul(state ^ (state >>> shift), 739982445);
  return (state ^ (state >>> 15)) >>> 0;
}

/* The numbers from 0 to count - 1 in an order that a text decides. */
function ordered(count, text) {
  const keys = Array.from({ length: count }, (_, number) => hashed(`${number} ${text}`));
  return [...keys.keys()].sort((one, other) => keys[one] - keys[other] || one - other);
}

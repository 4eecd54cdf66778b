/*
 * Writes Dewpoint's packed batches (docs/packed-format.md) on a device: C99, no malloc, no floating point, no 64-bit
 * numbers, nothing written beyond the room given.
 *
 *     uint8_t payload[64];
 *     packed_head head = { PACKED_UPTIME, boots, sequence++, uptime_s, PACKED_NOT_SAID, 3600 };
 *     size_t used = packed_begin(payload, sizeof payload, &head);
 *     used = packed_batch(payload, sizeof payload, used, 2, 60, millivolts, 60);
 *     if (used != 0) publish(payload, used);
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef DEWPOINT_PACKED_H
#define DEWPOINT_PACKED_H

#include <stddef.h>
#include <stdint.h>

enum { PACKED_UNIX = 0, PACKED_UPTIME = 1, PACKED_NO_CLOCK = 2 };

/* As age_s or next_s: leave it out of the message. */
#define PACKED_NOT_SAID UINT32_MAX

/* Values that one message may hold. */
#define PACKED_COUNT_MAX 10000

typedef struct {
  uint8_t clock;     /* one of the three above: what time_s counts from */
  uint8_t boot;      /* how many times the device has started */
  uint16_t sequence; /* counts the messages of a boot from 0, wraps */
  uint32_t time_s;   /* when the last value of each batch was taken; ignored with PACKED_NO_CLOCK */
  uint32_t age_s;    /* seconds from then to the sending, for a message that was kept */
  uint32_t next_s;   /* seconds until the next message */
} packed_head;

static inline size_t packed_uvarint_size(uint32_t value) {
  size_t size = 1;
  while (value >= 128) {
    value >>= 7;
    size++;
  }
  return size;
}

static inline size_t packed_uvarint(uint8_t *out, uint32_t value) {
  size_t size = 0;
  while (value >= 128) {
    out[size++] = (uint8_t)(value | 128);
    value >>= 7;
  }
  out[size++] = (uint8_t)value;
  return size;
}

static inline uint32_t packed_zigzag(uint32_t value) {
  return (value << 1) ^ (value >> 31 ? UINT32_MAX : 0);
}

static inline uint8_t packed_width(uint32_t bits) {
  uint8_t width = 0;
  for (; bits != 0; bits >>= 1) width++;
  return width;
}

/* Bytes used, or 0 when they do not fit. */
static inline size_t packed_begin(uint8_t *out, size_t room, const packed_head *head) {
  const int has_age = head->age_s != PACKED_NOT_SAID;
  const int has_next = head->next_s != PACKED_NOT_SAID;
  size_t needed = head->clock == PACKED_NO_CLOCK ? 4 : 8;
  size_t used = 0;
  if (has_age) needed += packed_uvarint_size(head->age_s);
  if (has_next) needed += packed_uvarint_size(head->next_s);
  if (needed > room) return 0;
  out[used++] = (uint8_t)(0x10 | head->clock | (has_age ? 4 : 0) | (has_next ? 8 : 0));
  out[used++] = head->boot;
  out[used++] = (uint8_t)head->sequence;
  out[used++] = (uint8_t)(head->sequence >> 8);
  if (head->clock != PACKED_NO_CLOCK) {
    int shift;
    for (shift = 0; shift < 32; shift += 8) out[used++] = (uint8_t)(head->time_s >> shift);
  }
  if (has_age) used += packed_uvarint(out + used, head->age_s);
  if (has_next) used += packed_uvarint(out + used, head->next_s);
  return used;
}

/*
 * Adds a channel's values, the oldest first, step_s seconds apart (no matter for a single one). `used` is what the call
 * before gave; 0 goes through as 0. Bytes used now, or 0 when they do not fit, when there is no value, or no step.
 */
static inline size_t packed_batch(uint8_t *out, size_t room, size_t used, uint8_t channel, uint32_t step_s,
                                  const int32_t *values, size_t count) {
  uint32_t offset_bits = 0, delta_bits = 0;
  int32_t base;
  size_t i, offsets_size, deltas_size, packed, needed;
  uint8_t width, held = 0;
  int use_offsets = 1;
  if (used == 0 || count == 0 || count > PACKED_COUNT_MAX || (count > 1 && step_s == 0)) return 0;
  base = values[0];
  for (i = 1; i < count; i++)
    if (values[i] < base) base = values[i];
  for (i = 0; i < count; i++) offset_bits |= (uint32_t)values[i] - (uint32_t)base;
  for (i = 1; i < count; i++) {
    const uint32_t delta = (uint32_t)values[i] - (uint32_t)values[i - 1];
    /* A difference whose sign is not that of the comparison left 32 bits. */
    if ((values[i] < values[i - 1]) != (delta >> 31)) break;
    delta_bits |= packed_zigzag(delta);
  }
  offsets_size = packed_uvarint_size(packed_zigzag((uint32_t)base)) + (count * packed_width(offset_bits) + 7) / 8;
  if (i == count) {
    deltas_size = packed_uvarint_size(packed_zigzag((uint32_t)values[0])) + ((count - 1) * packed_width(delta_bits) + 7) / 8;
    use_offsets = offsets_size <= deltas_size;
    if (!use_offsets) offsets_size = deltas_size;
  }
  needed = 1 + packed_uvarint_size((uint32_t)count) + offsets_size;
  if (count > 1) needed += packed_uvarint_size(step_s) + 1;
  if (needed > room || used > room - needed) return 0;

  if (!use_offsets) base = values[0];
  width = packed_width(use_offsets ? offset_bits : delta_bits);
  out[used++] = channel;
  used += packed_uvarint(out + used, (uint32_t)count);
  used += packed_uvarint(out + used, packed_zigzag((uint32_t)base));
  if (count == 1) return used;
  used += packed_uvarint(out + used, step_s);
  out[used++] = (uint8_t)(width | (use_offsets ? 128 : 0));
  for (packed = use_offsets ? 0 : 1; packed < count; packed++) {
    uint32_t bits = use_offsets ? (uint32_t)values[packed] - (uint32_t)base
                                : packed_zigzag((uint32_t)values[packed] - (uint32_t)values[packed - 1]);
    uint8_t bit;
    for (bit = 0; bit < width; bit++, bits >>= 1) {
      if (held == 0) out[used++] = 0;
      out[used - 1] |= (uint8_t)((bits & 1) << held);
      held = (uint8_t)((held + 1) & 7);
    }
  }
  return used;
}

#endif

/* link.h - a slow line, emulated: a channel over another, for measurements.
 *
 * A message leaves a seat when what it sent before has left, at the line's
 * rate, and arrives one delay later.  The sender puts that moment before the
 * message and goes on; the receiver sleeps until it is there.  Both read one
 * machine's clock.  Not emulated: loss, and TCP's windows, which a long line
 * opens within its first round trips.
 */
#ifndef LINK_H
#define LINK_H

#include <malus/base.h>

#include <pthread.h>

/* What a seat sends through, to all of its peers. */
typedef struct link_line {
    uint64_t delay_ns;    /* one way */
    uint64_t mbit_per_s;  /* 0: no limit */
    pthread_mutex_t lock; /* of: */
    uint64_t idle_at_ns;  /* all that was sent has left by then */
} link_line;

/* *chan becomes slow; what it was lies within and is closed with it. */
mal_err link_slow(mal_chan **chan, link_line *line) MAL_MUST_CHECK;

#endif

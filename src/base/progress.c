/* progress.c - tell how far it is; hear whether to go on. */
#include "base_impl.h"

mal_err mal_progress_step(const mal_progress *progress, const char *stage,
                          uint64_t done, uint64_t total) {
    if (!progress || !progress->step)
        return MAL_OK;
    MAL_TRY(progress->step(progress->ctx, stage, done, total));
    return MAL_OK;
}

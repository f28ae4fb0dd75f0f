/* base_impl.h - shared inside base only. */
#ifndef MAL_BASE_IMPL_H
#define MAL_BASE_IMPL_H

#include <malus/base.h>

/* Count one allocation; true if mal_alloc_fail_at() wants this one to fail. */
bool mal_alloc_must_fail(void);

/* Make another thread's failure this thread's own. */
void mal_err_adopt(const char *message, const char *trail);

#endif

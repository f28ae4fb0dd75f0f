/* kms_test.h - a party in a folder of its own. */
#ifndef MALUS_KMS_TEST_H
#define MALUS_KMS_TEST_H

#include "mal_test.h"
#include "../kms_impl.h"

typedef struct party {
    char root[4096]; /* removed at the end */
    char dir[4104];
    mal_kms *kms;
} party;

__attribute__((unused)) static void party_clear(party *p) {
    mal_kms_close(p->kms);
    if (*p->root && mal_dir_remove(p->root) != MAL_OK)
        printf("# %s stays\n", p->root);
}

__attribute__((unused)) static void party_folder(party *p) {
    snprintf(p->root, sizeof p->root, "%s", mal_test_dir());
    snprintf(p->dir, sizeof p->dir, "%s/keys", p->root);
}

__attribute__((unused)) static void party_make(party *p, const char *name) {
    party_folder(p);
    CHECK_OK(mal_kms_create(p->dir, name, mal_time_unix()));
    CHECK_OK(mal_kms_open(&p->kms, p->dir));
}

__attribute__((unused)) static void party_reopen(party *p) {
    mal_kms_close(p->kms);
    p->kms = NULL;
    CHECK_OK(mal_kms_open(&p->kms, p->dir));
}

/* One byte of a file, flipped. */
__attribute__((unused)) static void flip(const char *path, size_t at) {
    MAL_AUTO(mal_buf_clear) mal_buf file = { 0 };
    CHECK_OK(mal_file_read(&file, path, 1 << 16));
    CHECK(at < file.len);
    file.ptr[at] ^= 1;
    CHECK_OK(mal_file_write(path, mal_buf_view(&file), 0600));
}

#endif

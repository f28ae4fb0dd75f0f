/* make_log.c - make_log DIR N: a log of N entries; prints its verifier key. */
#include <malus/audit.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static mal_err make(const char *dir, uint64_t n) {
    static uint8_t bytes[256][512];
    MAL_AUTO(mal_key_clear) mal_key secret = { 0 };
    MAL_AUTO(mal_audit_log_auto) mal_audit_log *log = NULL;
    MAL_AUTO(mal_buf_clear) mal_buf text = { 0 };
    mal_audit_signer signer = { .sec = &secret };
    mal_bytes views[256];

    MAL_TRY(mal_prim_init());
    MAL_TRY(mal_prim_sign_keygen(signer.pub, &secret));
    MAL_TRY(
        mal_audit_log_open(&log, dir, "malus/go/0123456789abcdef", &signer));
    /* Batches of 1, 2, ... 256 entries of 0 to 511 bytes. */
    for (uint64_t done = 0, batch = 1; done < n; batch = batch % 256 + 1) {
        size_t k = 0;
        for (; k < batch && done < n; k++, done++) {
            memset(bytes[k], (int)(done & 255), sizeof bytes[k]);
            mal_store_u64le(bytes[k], done);
            views[k] = mal_bytes_of(bytes[k], done * 37 % 512);
        }
        MAL_TRY(mal_audit_log_append(log, NULL, views, k));
    }
    MAL_TRY(mal_audit_vkey_print(&text, mal_audit_log_vkey(log)));
    return mal_fd_write(1, mal_buf_view(&text));
}

int main(int argc, char **argv) {
    if (argc != 3)
        return 2;
    if (make(argv[1], strtoull(argv[2], NULL, 10)) == MAL_OK)
        return 0;
    fprintf(stderr, "%s\n", mal_err_trail());
    return 1;
}

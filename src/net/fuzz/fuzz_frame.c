/* fuzz_frame.c - a frame's header: decoded, it encodes to the same bytes. */
#include <malus/net.h>

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    while (len >= MAL_NET_HEADER) {
        mal_net_frame frame;
        uint8_t again[MAL_NET_HEADER];
        if (mal_net_frame_decode(&frame, data) == MAL_OK) {
            mal_net_frame_encode(again, &frame);
            if (mal_compare_vartime(again, data, sizeof again) != 0)
                abort();
        }
        data += MAL_NET_HEADER;
        len -= MAL_NET_HEADER;
    }
    return 0;
}

/* Loss records travel in log entries: whatever decodes encodes to the same
 * bytes. */
#include <malus/dp.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    mal_dp_loss loss;
    uint64_t nano;
    MAL_AUTO(mal_buf_clear) mal_buf again = { 0 };
    mal_bytes in = mal_bytes_of(data, size);
    if (mal_dp_loss_decode(&loss, in) != MAL_OK)
        return 0;
    mal_err err = mal_dp_loss_encode(&again, &loss);
    assert(err == MAL_OK && mal_bytes_same_vartime(mal_buf_view(&again), in));
    err = mal_dp_loss_epsilon(&nano, &loss);
    assert(err == MAL_OK || err == MAL_E_LIMIT);
    return 0;
}

/* scale.c - sensitivity over epsilon, and the key that noise is drawn from. */
#include "dp_impl.h"

static uint64_t gcd(uint64_t a, uint64_t b) {
    while (b) {
        uint64_t r = a % b;
        a = b;
        b = r;
    }
    return a;
}

mal_err mal_dp_scale_check(mal_dp_scale t) {
    MAL_REQUIRE(t.num >= 1 && t.den >= 1, MAL_E_INPUT,
                "a noise scale of %llu/%llu: both must be at least 1",
                (unsigned long long)t.num, (unsigned long long)t.den);
    MAL_REQUIRE(
        (mal_u128)t.num <= (mal_u128)t.den << MAL_DP_SCALE_LOG_MAX, MAL_E_LIMIT,
        "the noise scale %llu/%llu is above 2^%d: clamp the column more "
        "tightly, or ask with a larger epsilon",
        (unsigned long long)t.num, (unsigned long long)t.den,
        MAL_DP_SCALE_LOG_MAX);
    MAL_REQUIRE(
        (mal_u128)t.num << -MAL_DP_SCALE_LOG_MIN >= (mal_u128)t.den,
        MAL_E_LIMIT,
        "the noise scale %llu/%llu is below 2^%d: ask with a smaller epsilon",
        (unsigned long long)t.num, (unsigned long long)t.den,
        MAL_DP_SCALE_LOG_MIN);
    return MAL_OK;
}

mal_err mal_dp_scale_of(mal_dp_scale *t, uint64_t sensitivity, uint64_t eps_num,
                        uint64_t eps_den) {
    MAL_REQUIRE(sensitivity && eps_num && eps_den, MAL_E_INPUT,
                "sensitivity %llu and epsilon %llu/%llu: none may be zero",
                (unsigned long long)sensitivity, (unsigned long long)eps_num,
                (unsigned long long)eps_den);
    /* Dividing across first leaves the product in lowest terms. */
    uint64_t g = gcd(eps_num, eps_den);
    eps_num /= g;
    eps_den /= g;
    g = gcd(sensitivity, eps_num);
    sensitivity /= g;
    eps_num /= g;
    mal_u128 num = (mal_u128)sensitivity * eps_den;
    MAL_REQUIRE(
        num <= UINT64_MAX, MAL_E_LIMIT,
        "sensitivity %llu * %llu is beyond 64 bits: clamp the column more "
        "tightly, or give epsilon fewer digits",
        (unsigned long long)sensitivity, (unsigned long long)eps_den);
    mal_dp_scale out = { (uint64_t)num, eps_num };
    MAL_TRY(mal_dp_scale_check(out));
    *t = out;
    return MAL_OK;
}

static uint64_t magnitude(int64_t v) {
    return v < 0 ? (uint64_t)0 - (uint64_t)v : (uint64_t)v;
}

#define SENSITIVITY_MAX ((uint64_t)1 << 62)

static mal_err part_sensitivity(uint64_t *out, const mal_dp_part *part) {
    MAL_REQUIRE(
        part->rows && part->fan_out, MAL_E_INPUT,
        "a unit contributes %llu rows with a fan-out of %llu: neither may "
        "be zero",
        (unsigned long long)part->rows, (unsigned long long)part->fan_out);
    MAL_REQUIRE(part->lo <= part->hi, MAL_E_INPUT,
                "a value is clamped to %lld .. %lld: the range is empty",
                (long long)part->lo, (long long)part->hi);
    uint64_t lo = magnitude(part->lo), hi = magnitude(part->hi);
    mal_u128 rows = (mal_u128)part->rows * part->fan_out;
    uint64_t each = lo > hi ? lo : hi;
    MAL_REQUIRE(
        each == 0 || rows <= SENSITIVITY_MAX / each, MAL_E_LIMIT,
        "the sensitivity %llu rows * %llu fan-out * %llu is beyond 2^62: "
        "clamp the column more tightly",
        (unsigned long long)part->rows, (unsigned long long)part->fan_out,
        (unsigned long long)each);
    *out = (uint64_t)rows * each;
    return MAL_OK;
}

mal_err mal_dp_sensitivity(uint64_t *out, const mal_dp_part *parts, size_t n,
                           bool units_overlap) {
    MAL_REQUIRE(n >= 1, MAL_E_INPUT, "an aggregate over no table");
    mal_u128 sum = 0;
    for (size_t i = 0; i < n; i++) {
        uint64_t one;
        MAL_TRY(part_sensitivity(&one, &parts[i]));
        if (units_overlap)
            sum += one;
        else if (one > sum)
            sum = one;
        MAL_REQUIRE(
            sum <= SENSITIVITY_MAX, MAL_E_LIMIT,
            "the sensitivities of %zu tables sum beyond 2^62: clamp the "
            "column more tightly",
            n);
    }
    *out = sum ? (uint64_t)sum : 1;
    return MAL_OK;
}

/* HKDF over fresh || node secret, bound by the info to what the noise is for. A
 * restored snapshot lacks the fresh part's repetition; a broken kernel
 * generator lacks the node secret and the peers' nonces inside the job id. */
mal_err mal_dp_noise_key(mal_key *out, mal_bytes node_secret, mal_bytes job_id,
                         mal_bytes plan_hash, const mal_bytes *dataset_roots,
                         size_t n_roots) {
    enum { FRESH = 32, SECRET_MAX = 1024 };
    MAL_REQUIRE(node_secret.len >= 32 && node_secret.len <= SECRET_MAX,
                MAL_E_INPUT, "a node secret of %zu bytes: between 32 and %d",
                node_secret.len, SECRET_MAX);
    MAL_REQUIRE(job_id.len == 32 && plan_hash.len == 32, MAL_E_INPUT,
                "job id and plan hash have 32 bytes each");
    mal_prim_hash roots, info;
    mal_prim_hash_parts(&roots, "malus.dp.roots/v1", dataset_roots, n_roots);
    const mal_bytes parts[] = { job_id, plan_hash, mal_bytes_of(roots.b, 32) };
    mal_prim_hash_parts(&info, "malus.dp.noise/v1", parts, 3);

    MAL_AUTO(mal_key_clear) mal_key secret = { 0 };
    MAL_AUTO(mal_key_clear) mal_key key = { 0 };
    MAL_TRY(mal_key_alloc(&secret, FRESH + node_secret.len));
    MAL_TRY(mal_key_alloc(&key, 32));
    mal_prim_random(secret.ptr, FRESH);
    memcpy(secret.ptr + FRESH, node_secret.ptr, node_secret.len);
    MAL_TRY(mal_prim_hkdf(key.ptr, key.len, mal_key_view(&secret),
                          mal_bytes_str("malus.dp.noise/v1"),
                          mal_bytes_of(info.b, 32)));
    mal_key_clear(out);
    *out = key;
    key = (mal_key){ 0 };
    return MAL_OK;
}

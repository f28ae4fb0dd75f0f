/* data.c - our tables in a room: putting one in, and telling which versions lie
 * here. */
#include "room_impl.h"

mal_err mal_room_data_add(mal_room *room, mal_store_report *report,
                          mal_arena *arena, const char *dataset,
                          const char *path, const mal_store_options *options) {
    MAL_REQUIRE(!room->withdrawn, MAL_E_STATE,
                "an owner withdrew from the room");
    MAL_TRY(mal_room_look_back(room));
    MAL_TRY(mal_room_key_agree(room));
    return mal_store_add(room->config.store, report, arena, room->contract,
                         dataset, path, options);
}

/* Versions and roots of our datasets: what a stored answer must still match. */
mal_err room_serve_datasets(mal_room *room, mal_buf *out) {
    MAL_AUTO(mal_arena_auto) mal_arena *arena = mal_arena_new(16 << 20);
    if (!arena)
        return MAL_E_MEMORY;
    const mal_policy_contract *c = room->contract;
    for (uint32_t i = 0; i < c->n_datasets; i++) {
        mal_store_info info;
        if (c->datasets[i].owner != room->me ||
            mal_store_find(room->config.store, &info, arena, c->room_id,
                           c->datasets[i].name, 0) != MAL_OK)
            continue;
        MAL_TRY(mal_buf_put_blob_str(out, c->datasets[i].name));
        MAL_TRY(mal_buf_put_u32(out, info.version));
        MAL_TRY(mal_buf_put(out, mal_bytes_of(info.root, 32)));
    }
    mal_err_forget();
    return MAL_OK;
}

"""D: longer runs of upsert topics."""
from support.conformance import case, change, keyed, values

ANIMALS = "CREATE TABLE t (k text PRIMARY KEY, v text)"
FIRST = [("fish", "fish"), ("bìrd1", "goose"), ("bírdmore", "geese"), ("mammal1", "moose"), ("bìrd1", None)]
SECOND = [("bírdmore", "géese"), ("mammalmore", "moose"), ("mammal1", None), ("mammal1", "mouse")]
THIRD = [("mammalmore", "herd"), ("bìrd1", None), ("fish", None)]


def animals(pairs):
    return keyed(*[(key.encode(), None if value is None else {"v": value}) for key, value in pairs])


test_D01_writes_and_tombstones_by_text_keys = case(
    "CREATE TABLE t (k text PRIMARY KEY, v text, n int)",
    keyed(*[(key.encode(), value and {"v": value[0], "n": value[1]}) for key, value in (
        ("fish", ("fish", 1000)), ("bird1", ("goose", 1)), ("birdmore", ("geese", 2)), ("mammal1", ("moose", 1)), ("bird1", None),
        ("birdmore", ("geese", 56)), ("mammalmore", ("moose", 42)), ("mammal1", None), ("mammalmore", ("moose", 2)))]),
    key=["k"], rows=["fish|fish|1000", "birdmore|geese|56", "mammalmore|moose|2"])

test_D02_letters_with_accents_make_different_keys = case(
    ANIMALS, animals(FIRST), key=["k"], rows=["fish|fish", "bírdmore|geese", "mammal1|moose"])

test_D03_a_key_is_removed_and_written_again = case(
    ANIMALS, animals(FIRST + SECOND), key=["k"], rows=["fish|fish", "bírdmore|géese", "mammal1|mouse", "mammalmore|moose"])

test_D04_a_key_is_removed_twice = case(
    ANIMALS, animals(FIRST + SECOND + THIRD), key=["k"], rows=["bírdmore|géese", "mammal1|mouse", "mammalmore|herd"])

test_D02b_composed_and_decomposed_letters_are_different_keys = case(
    ANIMALS, animals([("\u00e9", "one"), ("e\u0301", "two"), ("E\u0301", "three")]), key=["k"],
    rows=["\u00e9|one", "e\u0301|two", "E\u0301|three"])

test_D02c_keys_beyond_the_basic_plane = case(
    ANIMALS, animals([("🐟", "fish"), ("🐦", "bird"), ("🐟", None), ("", "empty")]), key=["k"], rows=["🐦|bird", "|empty"])

test_D08_a_record_without_a_key_is_a_letter_among_good_ones = case(
    ANIMALS, keyed((b"a", {"v": "1"}), (None, {"v": "2"}), (b"b", {"v": "3"}), (None, None)), key=["k"], rows=["a|1", "b|3"],
    letters={1: ("map", "23502", "expected the key's value"), 3: ("map", "23502", "expected the columns of the key")})

test_D09_an_empty_value_is_a_row_and_no_delete = case(
    "CREATE TABLE t (k text PRIMARY KEY, v text DEFAULT '')", keyed((b"birdmore", {}), (b"other", {"v": None})), key=["k"],
    rows=["birdmore|", r"other|\N"])

TEXT = "CREATE TABLE t (id int PRIMARY KEY, creature text)"


def creature(op, number, after, before=None):
    return change(op, after and {"id": number, "creature": after}, before and {"id": number, "creature": before})


test_D10_updates_whose_first_row_was_never_seen = case(
    TEXT, values(creature("u", 1, "mudskipper", "fish"), creature("u", 1, "salamander", "mudskipper"),
                 creature("u", 1, "lizard", "salamander")), rows=["1|lizard"])

test_D11_the_same_event_twice = case(
    TEXT, values(creature("u", 3, "triceratops", "protoceratops"), creature("u", 3, "triceratops", "protoceratops")),
    rows=["3|triceratops"])

test_D11b_the_same_delete_twice = case(
    TEXT, values(creature("c", 3, "triceratops"), creature("d", 3, None, "triceratops"), creature("d", 3, None, "triceratops")), rows=[])

test_D11c_the_same_key_change_twice = case(
    TEXT, values(creature("c", 3, "x"), *[change("u", {"id": 4, "creature": "x"}, {"id": 3, "creature": "x"})] * 2), rows=["4|x"])

test_D12_removed_and_inserted_again = case(
    TEXT, values(creature("c", 4, "moros"), creature("d", 4, None, "moros"), creature("c", 4, "chicken")), rows=["4|chicken"])

test_D16_a_changelog_of_an_aggregation = case(
    "CREATE TABLE t (user_id text PRIMARY KEY, total numeric(10,2), n bigint)",
    keyed(*[({"user_id": user}, total and {"user_id": user, "total": total, "n": n}) for user, total, n in (
        ("user1", "10.02", 1), ("user2", "71.2", 1), ("user1", "18.02", 2), ("user3", "1", 1), ("user3", None, 0),
        ("user2", "72.0", 2), ("user1", "28.12", 3))]),
    key=["user_id"], rows=["user1|28.12|3", "user2|72.00|2"])

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

# Of a text's serializer: no serializer of JSON puts blanks around a number or a word.
test_D02d_a_text_key_with_blanks_is_another_key = case(
    "CREATE TABLE t (id text PRIMARY KEY, v int)",
    keyed((b"1", {"v": 1}), (b" 1", {"v": 2}), (b"1 ", {"v": 3}), (b" true", {"v": 4}), (b"null\n", {"v": 5}), (b" 1", None), (b' {"id": "2"} ', {"v": 6})),
    rows=["1|1", "1 |3", " true|4", r"null\n|5", "2|6"])
test_D02e_blanks_are_none_of_a_number = case(
    "CREATE TABLE t (id int PRIMARY KEY, v int)", keyed((b"1", {"v": 1}), (b" 1", {"v": 2}), (b"2\n", {"id": 2, "v": 3}), (b" 2", None)), rows=["1|2"])

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

# A unique index that calls nulls equal makes them parts of a key.
NULLABLE = "CREATE TABLE t (f3 text, f4 text, f1 text, f2 int, UNIQUE NULLS NOT DISTINCT (f3, f4))"
FIRE, YIN, WATER, EARTH, AIR = ("fire", "yang"), (None, "yin"), ("water", None), ("earth", "dao"), ("air", "qi")
BEGUN = [(FIRE, ("dog", 42)), (YIN, ("sheep", 53)), (WATER, ("plesiosaur", 224)), (EARTH, ("turtle", 34)), (YIN, ("sheep", 54)),
         (EARTH, ("snake", 68)), (WATER, ("crocodile", 7)), (EARTH, None)]
CONTINUED = [(("fire", "yin"), None), (AIR, ("pigeon", 10)), (AIR, ("owl", 15)), (AIR, ("chicken", 47)), (EARTH, ("rhinoceros", 211)),
             (YIN, None), (YIN, ("dog", 243)), (WATER, None)]


def elements(pairs):
    return keyed(*[({"f3": key[0], "f4": key[1]}, value and {"f1": value[0], "f2": value[1]}) for key, value in pairs])


test_D05_nulls_in_a_key_are_equal = case(
    NULLABLE, elements(BEGUN), key=["f3", "f4"], rows=["fire|yang|dog|42", r"\N|yin|sheep|54", r"water|\N|crocodile|7"])

test_D06_rows_with_nulls_in_their_key_are_removed_and_come_back = case(
    NULLABLE, elements(BEGUN + CONTINUED), key=["f3", "f4"],
    rows=["fire|yang|dog|42", "air|qi|chicken|47", r"\N|yin|dog|243", "earth|dao|rhinoceros|211"])

test_D05b_null_and_empty_text_are_two_keys = case(
    "CREATE TABLE t (k text, v int, UNIQUE NULLS NOT DISTINCT (k))",
    values({"k": None, "v": 1}, {"k": "", "v": 2}, {"k": None, "v": 3}, change("d", None, {"k": ""}), {"k": "x", "v": 4}), key=["k"],
    rows=[r"\N|3", "x|4"])

test_D05c_a_null_key_moves = case(
    NULLABLE, values(change("c", {"f3": None, "f4": "a", "f1": "x", "f2": 1}),
                     change("u", {"f3": "b", "f4": None, "f1": "x", "f2": 2}, {"f3": None, "f4": "a", "f1": "x", "f2": 1}),
                     change("u", {"f3": "b", "f4": None, "f1": "y", "f2": 2}, {"f3": "b", "f4": None, "f1": "x", "f2": 2})),
    key=["f3", "f4"], rows=[r"b|\N|y|2"])

test_D05d_mode_update_finds_nulls = case(
    NULLABLE + "; INSERT INTO t VALUES (NULL, 'a', 'x', 1), ('', 'a', 'x', 1)", elements([((None, "a"), ("y", 2))]), key=["f3", "f4"], mode="update",
    rows=[r"\N|a|y|2", "|a|x|1"])

test_D05e_a_missing_part_is_not_null = case(
    NULLABLE, keyed(({"f3": "a"}, {"f1": "x"}), ({"f3": "a", "f4": None}, {"f1": "y"})), key=["f3", "f4"], rows=[r"a|\N|y|\N"],
    letters={0: ("map", "23502", "no such field")})

test_D05f_elsewhere_null_is_no_key = case(
    "CREATE TABLE t (f3 text, f4 text, f1 text, f2 int, UNIQUE (f3, f4))", elements(BEGUN[:3]), key=["f3", "f4"], rows=["fire|yang|dog|42"],
    letters={1: ("map", "23502", "f3"), 2: ("map", "23502", "f4")})

"""F: CloudEvents of both modes of the Kafka protocol binding, with rows and with Debezium's changes in them."""
from support.conformance import Record, b64, case, change, values, wrapped
from support.pipeline import encode

TABLE = "CREATE TABLE t (id int PRIMARY KEY, name text)"
BINARY = {"ce_specversion": b"1.0", "ce_type": b"t", "ce_source": b"/s", "ce_id": b"e1"}
STRUCTURED = {"content-type": b"application/cloudevents+json; charset=UTF-8"}


def event(**more):
    return {"specversion": "1.0", "type": "t", "source": "/s", "id": "e2", **more}


def binary(value, key=None, **more):
    return Record(key, value, headers={**BINARY, **{f"ce_{name}": one for name, one in more.items()}})


# Each case as `auto` recognises it, and as a route has it that takes nothing else.
MODES = dict(
    records=[*values(event(data={"id": 1, "name": "object"}), event(data_base64=b64(encode({"id": 2, "name": "base64"})), datacontenttype="application/json")),
     binary({"id": 3, "name": "value"}), Record(None, event(data={"id": 4, "name": "announced"}), headers=STRUCTURED),
     Record(None, {"id": 5, "name": "typed"}, headers={**BINARY, "content-type": b"Application/JSON"})],
    rows=["1|object", "2|base64", "3|value", "4|announced", "5|typed"])
test_F45_the_data_is_the_row_in_structured_and_in_binary_mode = case(TABLE, **MODES)
test_F45a_the_same_with_format_cloudevents = case(TABLE, format="cloudevents", **MODES)
ENVELOPES = dict(
    records=[*values(event(data=change("c", {"id": 1, "name": "a"})), event(data=change("u", {"id": 2, "name": "b"}, {"id": 1, "name": "a"}))),
     binary(change("c", {"id": 3, "name": "c"})), binary(change("d", before={"id": 3})), binary(change("r", {"id": 4, "name": "d"}))],
    rows=["2|b", "4|d"])
test_F45b_debeziums_envelope_is_the_data = case(TABLE, **ENVELOPES)
test_F45c_the_same_with_format_cloudevents = case(TABLE, format="cloudevents", **ENVELOPES)
CONVERTED = dict(
    records=[*values(event(iodebeziumop="r", data={"schema": None, "payload": {"before": None, "after": {"id": 1, "name": "a"}}}),
             event(iodebeziumop="c", data={"before": None, "after": {"id": 2, "name": "b"}}), event(iodebeziumop="d", data={"before": {"id": 2}, "after": None}),
             event(iodebeziumop="c", data={"id": 3, "name": "flattened"}), event(iodebeziumop="d", data={"id": 3, "name": "flattened"})),
     binary({"before": None, "after": {"id": 4, "name": "d"}}, iodebeziumop=b"c")],
    rows=["1|a", "4|d"])
test_F45d_debeziums_converter_has_the_operation_in_an_attribute = case(TABLE, **CONVERTED)
test_F45e_the_same_with_format_cloudevents = case(TABLE, format="cloudevents", **CONVERTED)
EMPTY = dict(
    records=[binary({"id": 1, "name": "a"}, b"1"), binary(None, b"1"), Record(b"2", event()), Record(b"2", event(data=None)), binary({"id": 3, "name": "c"}, b"3")],
    rows=["3|c"], letters={n: ("decode", "22032", "a record without a value is") for n in (2, 3)})
test_F45f_a_record_without_a_value_is_a_tombstone_and_an_event_without_data_a_letter = case(TABLE, **EMPTY)
test_F45g_the_same_with_format_cloudevents = case(TABLE, format="cloudevents", **EMPTY)
REFUSED = dict(
    records=[Record(None, [event(data={"id": 1})], headers={"content-type": b"application/cloudevents-batch+json"}),
     Record(None, b"x", headers={"content-type": b"application/cloudevents+avro"}), Record(None, b"x", headers={**BINARY, "content-type": b"application/avro"}),
     *values(event(data="text"), event(data_base64="?"), event(data={"id": 1, "name": "a"}), event(data={"id": 2}, data_base64=b64(b'{"id":3}')),
             event(data={"id": 4, "name": "d"}, data_base64=None))],
    rows=["1|a", "4|d"], letters={6: ("decode", "22032", "one of the two"), 0: ("decode", "0A000", "batches"), 1: ("decode", "0A000", "application/cloudevents+json"), 2: ("decode", "0A000", "application/json"),
                           3: ("decode", "22032", "value.data"), 4: ("decode", "22032", "value.data_base64")})
test_F45h_what_is_not_json_or_not_a_single_event_is_a_letter = case(TABLE, **REFUSED)
test_F45i_the_same_with_format_cloudevents = case(TABLE, format="cloudevents", **REFUSED)
test_F45j_other_formats_in_the_same_topic_are_recognised = case(
    TABLE, [*values({"id": 1, "name": "plain"}, event(data={"id": 2, "name": "event"}), change("c", {"id": 3, "name": "change"}),
                    wrapped({"id": "int32", "name": "string"}, {"id": 4, "name": "wrapped"})), binary({"id": 5, "name": "binary"})],
    rows=["1|plain", "2|event", "3|change", "4|wrapped", "5|binary"])
test_F45k_what_is_not_an_event_is_a_letter_where_the_route_takes_nothing_else = case(
    TABLE, [*values({"id": 1, "name": "plain"}, event(data={"id": 2, "name": "event"}))], format="cloudevents", rows=["2|event"],
    letters={0: ("decode", "22032", "value.specversion")})
test_F45m_headers_of_another_version_or_without_values_are_letters = case(
    TABLE, [binary({"id": 1, "name": "a"}, specversion=b"1.1"), binary({"id": 2}, specversion=b"0.3"), binary({"id": 3}, specversion=None)],
    rows=["1|a"], letters={1: ("decode", "0A000", "ce_specversion"), 2: ("decode", "22032", "ce_specversion")})
test_F45n_an_operation_that_a_flattened_row_cannot_have_is_a_letter = case(
    TABLE, values(*(event(iodebeziumop=op, data={"id": n, "name": "a"}) for n, op in enumerate("crutmx"))),
    rows=["0|a", "1|a", "2|a"], letters={n: ("decode", "22023", "one of c, r, u, d") for n in (3, 4, 5)})
test_F45l_attributes_become_columns = case(
    "CREATE TABLE t (id int PRIMARY KEY, event text, lsn bigint)",
    [binary({"id": 1}), binary({"before": None, "after": {"id": 2}}, iodebeziumop=b"c", iodebeziumlsn=b"29")],
    columns={"add": {"event": "header:ce_id", "lsn": "@source.lsn"}}, rows=[r"1|e1|\N", "2|e1|29"])

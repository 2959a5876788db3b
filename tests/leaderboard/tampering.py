"""Changes to a record or its items as somebody would make them who means to deceive, with the words that name each."""

from __future__ import annotations

import datetime
import hashlib
import io
import json
import os
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from traitbench.catalog import load_catalog
from traitbench.leaderboard.items import decode_items, encode_items, student_sha256
from traitbench.leaderboard.opening import survives
from traitbench.leaderboard.record import record_id

Change = Callable[["Victim"], None]


class Victim:
    """A record that is tampered with."""

    def __init__(self, path: Path, root: Path, other: Path) -> None:
        self.path, self.root, self.other = path, root, other

    @property
    def items(self) -> Path:
        return self.path.with_suffix(".parquet")

    def json(self) -> Any:
        return json.loads(self.path.read_text())

    def write(self, data: bytes, renamed: bool = True) -> None:
        """Puts bytes in the record's place, under the name that they ask for."""
        self.path.write_bytes(data)
        if renamed:
            name = self.path.with_name(record_id(data) + ".json")
            if self.items.exists() or self.items.is_symlink():
                os.rename(self.items, name.with_suffix(".parquet"))
            os.rename(self.path, name)
            self.path = name

    def edit(self, **fields: Any) -> None:
        """Replaces fields, given by their path with double underscores."""
        record = self.json()
        for where, value in fields.items():
            *parents, last = where.split("__")
            found = record
            for each in parents:
                found = found[int(each) if each.isdigit() else each]
            found[int(last) if last.isdigit() else last] = value
        self.write(json.dumps(record, indent=1).encode())

    def put_items(self, data: bytes, student: str | None = None) -> None:
        """Replaces the items, and mends what the record says of the file."""
        self.items.write_bytes(data)
        fields: dict[str, Any] = {"items__sha256": hashlib.sha256(data).hexdigest(), "items__size": len(data)}
        if student is not None:
            fields["items__student_sha256"] = student
        self.edit(**fields)

    def edit_rows(self, change: Callable[[list[dict[str, Any]]], None]) -> None:
        """Changes the rows of the items, in their own form."""
        import pyarrow as pa

        table = parquet.read_table(io.BytesIO(self.items.read_bytes()))
        rows = table.to_pylist()
        change(rows)
        out = io.BytesIO()
        changed = pa.Table.from_pylist(rows, schema=table.schema)
        how = {"compression": "snappy", "use_dictionary": False, "write_statistics": False, "store_schema": False}
        parquet.write_table(changed, out, row_group_size=100_000, **how)  # type: ignore[arg-type]
        self.put_items(out.getvalue())

    def edit_roles(self, change: Callable[[dict[str, Any]], None]) -> None:
        """Changes the answers and mends all digests."""
        roles = dict(decode_items(self.items.read_bytes(), self.items, load_catalog()))
        change(roles)
        self.put_items(encode_items(roles), student_sha256(roles))


def a_digit(victim: Victim) -> None:
    data = victim.path.read_bytes()
    after = data.index(b'"estimate": 0.') + len(b'"estimate": 0.4011')
    other = b"5" if data[after : after + 1] != b"5" else b"4"
    victim.write(data[:after] + other + data[after + 1 :], renamed=False)


def a_digit_and_the_name(victim: Victim) -> None:
    victim.edit(measurements__0__versus__base__difference=0.9)


def a_better_interval(victim: Victim) -> None:
    low, high = victim.json()["measurements"][1]["ci"]
    victim.edit(measurements__1__ci=[low + 0.0005, high - 0.0005])


def a_flattering_rank(victim: Victim) -> None:
    victim.edit(measurements__0__specificity={"rank": 30, "worst": 30, "of": 30})


def a_reference_left_out(victim: Victim) -> None:
    record = victim.json()
    record["references"]["control"] = record["references"]["control"][:1]
    victim.write(json.dumps(record).encode())


def swapped_items(victim: Victim) -> None:
    victim.items.write_bytes(victim.other.with_suffix(".parquet").read_bytes())


def swapped_items_and_their_digest(victim: Victim) -> None:
    other = json.loads(victim.other.read_text())["items"]
    data = victim.other.with_suffix(".parquet").read_bytes()
    victim.put_items(data, other["student_sha256"])


def missing_items(victim: Victim) -> None:
    victim.items.unlink()


def one_question_more_to_the_point(victim: Victim) -> None:
    def change(roles: dict[str, Any]) -> None:
        first, *rest = roles["student"]
        told = first.questions[0].model_copy(update={"mass": {"owl": 0.99}, "unexplored": 0.01})
        roles["student"] = (first.model_copy(update={"questions": (told, *first.questions[1:])}), *rest)

    victim.edit_roles(change)


def a_question_left_out(victim: Victim) -> None:
    victim.edit_rows(lambda rows: rows.pop())


def a_question_twice(victim: Victim) -> None:
    victim.edit_rows(lambda rows: rows.append(dict(rows[-1])))


def a_question_of_ones_own(victim: Victim) -> None:
    victim.edit_rows(lambda rows: rows[0].update(id="q0123456789a"))


def a_question_of_another_family(victim: Victim) -> None:
    victim.edit_rows(lambda rows: rows[0].update(family="mine"))


def an_answer_of_ones_own(victim: Victim) -> None:
    victim.edit_rows(lambda rows: rows[0]["mass"][0].update(answer="griffin"))


def a_negative_probability(victim: Victim) -> None:
    victim.edit_rows(lambda rows: rows[0]["mass"][0].update(p=-0.2))


def a_probability_that_is_no_number(victim: Victim) -> None:
    victim.edit_rows(lambda rows: rows[0]["mass"][0].update(p=float("nan")))


def masses_that_sum_to_more(victim: Victim) -> None:
    victim.edit_rows(lambda rows: rows[0].update(unexplored=0.9))


def another_task(victim: Victim) -> None:
    record = victim.path.read_text().replace("owl-numbers", "cat-numbers", 1)
    victim.write(record.encode())


def _move(victim: Victim, task: str, version: str) -> None:
    """To where a record of that task and version would lie."""
    place = victim.root / "results" / task / version / "org__victim" / victim.path.parent.name
    place.mkdir(parents=True)
    for path in (victim.path, victim.items):
        os.rename(path, place / path.name)
    victim.path = place / victim.path.name


def another_task_version(victim: Victim) -> None:
    victim.write(victim.path.read_bytes().replace(b'"version": "1-A"', b'"version": "7-A"'))
    _move(victim, "owl-numbers", "7")


def an_unknown_task(victim: Victim) -> None:
    text = victim.path.read_text().replace("owl-numbers", "griffin-numbers")
    victim.write(text.encode())
    _move(victim, "griffin-numbers", "1")


def an_unknown_trait(victim: Victim) -> None:
    victim.write(victim.path.read_bytes().replace(b'"trait": "owl"', b'"trait": "griffin"'))


def unknown_questions(victim: Victim) -> None:
    victim.edit(probes__0__sha256="0" * 64)


def a_copied_row(victim: Victim) -> None:
    other = json.loads(victim.other.read_text())
    other["model"]["id"], other["model"]["weights_sha256"] = "org/victim", victim.json()["model"]["weights_sha256"]
    other["date"] = str(
        datetime.datetime.now(datetime.UTC).date() + datetime.timedelta(days=1)
    )  # the later is the copy
    victim.items.write_bytes(victim.other.with_suffix(".parquet").read_bytes())
    victim.write(json.dumps(other).encode())


def a_row_twice(victim: Victim) -> None:
    record = victim.json()
    record["date"] = str(datetime.datetime.now(datetime.UTC).date() + datetime.timedelta(days=1))
    data = json.dumps(record).encode()
    twin = victim.path.with_name(record_id(data) + ".json")
    twin.write_bytes(data)
    twin.with_suffix(".parquet").write_bytes(victim.items.read_bytes())
    victim.path = twin


def a_date_to_come(victim: Victim) -> None:
    victim.edit(date="2099-01-01")


def not_a_number(victim: Victim) -> None:
    victim.write(victim.path.read_bytes().replace(b'"estimate": 0.', b'"estimate": NaN, "x": 0.', 1))


def an_infinite_number(victim: Victim) -> None:
    record = victim.json()
    record["measurements"][0]["versus"]["base"]["difference"] = 1e308
    victim.write(json.dumps(record).replace("1e+308", "1e999").encode())


def a_path_that_climbs_out(victim: Victim) -> None:
    victim.edit(model__id="../../../../tmp/somewhere")


def a_path_of_a_machine(victim: Victim) -> None:
    victim.edit(command="traitbench score hf//home/somebody/secret-project/model --tasks owl-numbers")


def a_script_in_the_name(victim: Victim) -> None:
    victim.edit(model__id="<script>alert(1)</script>")


def a_script_in_the_submitter(victim: Victim) -> None:
    victim.edit(declared__submitter="<img src=x onerror=alert(1)>")


def a_script_in_an_address(victim: Victim) -> None:
    victim.edit(declared__log_url="javascript:alert(1)")


def a_field_of_a_gigabyte(victim: Victim) -> None:
    with victim.path.open("r+b") as stream:
        stream.truncate(1 << 30)


def a_field_of_a_megabyte(victim: Victim) -> None:
    victim.edit(command="x" * 900_000)


def items_of_a_gigabyte(victim: Victim) -> None:
    with victim.items.open("r+b") as stream:
        stream.truncate(1 << 30)


def bytes_that_are_no_text(victim: Victim) -> None:
    victim.write(victim.path.read_bytes().replace(b"A. Tester", b"A. \xff\xfeer"))


def half_a_file(victim: Victim) -> None:
    data = victim.path.read_bytes()
    victim.write(data[: len(data) // 2])


def _bomb(victim: Victim, rows: int, **how: Any) -> bytes:
    """Items of one row many times, with a long text: megabytes that would be gigabytes."""
    table = parquet.read_table(io.BytesIO(victim.items.read_bytes()))
    row = {**table.slice(0, 1).to_pylist()[0], "family": "x" * 20_000}
    out = io.BytesIO()
    parquet.write_table(pa.Table.from_pylist([row] * rows, schema=table.schema), out, store_schema=False, **how)
    return out.getvalue()


def a_zip_bomb(victim: Victim) -> None:
    bomb = _bomb(victim, 10_000, compression="zstd")
    assert len(bomb) < 1 << 20
    victim.put_items(bomb)


def a_bomb_packed_as_items_are(victim: Victim) -> None:
    how = {"compression": "snappy", "use_dictionary": False, "write_statistics": False, "row_group_size": 100_000}
    victim.put_items(_bomb(victim, 2_000, **how))


def a_pickle_for_items(victim: Victim) -> None:
    import pickle

    class Trap:
        def __reduce__(self) -> tuple[Any, ...]:
            return os.mkdir, (str(victim.root / "executed"),)

    victim.put_items(pickle.dumps(Trap()))


def a_footer_that_lies(victim: Victim) -> None:
    data = bytearray(victim.items.read_bytes())
    data[-8:-4] = struct.pack("<I", 0x7FFFFFFF)
    victim.put_items(bytes(data))


def a_codec_that_does_not_exist(victim: Victim) -> None:
    """Parquet's library ends the process that asks which codec this is."""
    for data in with_other_codecs(victim.items.read_bytes()):
        if not survives(data):
            return victim.put_items(data)
    pytest.skip("this version of pyarrow refuses every unknown codec without ending the process")


def with_other_codecs(data: bytes) -> Iterator[bytes]:
    """The file with one byte of its footer changed that may name a column's codec (Snappy is 1, as a varint 2)."""
    start = len(data) - 8 - struct.unpack("<I", data[-8:-4])[0]
    for i in range(start, len(data) - 8):
        if data[i] == 2 and data[i - 1] == 0x15:  # a field of type i32, one after the last
            yield data[:i] + bytes([0x7F]) + data[i + 1 :]


def keys_there_twice(victim: Victim) -> None:
    victim.write(victim.path.read_bytes().replace(b'"task":', b'"task": "cat-numbers", "task":', 1))


def a_link_to_a_record(victim: Victim) -> None:
    aside = victim.root / "aside.json"
    os.rename(victim.path, aside)
    victim.path.symlink_to(aside)


def a_link_to_items(victim: Victim) -> None:
    aside = victim.root / "aside.parquet"
    os.rename(victim.items, aside)
    victim.items.symlink_to(aside)


def a_wrong_folder(victim: Victim) -> None:
    place = victim.root / "results" / "owl-numbers" / "1" / "org__somebody-else" / victim.path.parent.name
    place.mkdir(parents=True)
    for path in (victim.path, victim.items):
        os.rename(path, place / path.name)
    victim.path = place / victim.path.name


def fields_of_ones_own(victim: Victim) -> None:
    victim.edit(tier="T3")


def swapped_ends_of_an_interval(victim: Victim) -> None:
    low, high = victim.json()["measurements"][0]["ci"]
    victim.edit(measurements__0__ci=[high, low])


def a_program_beside_it(victim: Victim) -> None:
    victim.path = victim.path.with_name("conftest.py")
    victim.path.write_text("raise SystemExit")


def items_without_a_record(victim: Victim) -> None:
    victim.path.unlink()
    victim.path = victim.items


def nested_without_end(victim: Victim) -> None:
    victim.write(b"[" * 200_000)


def no_record_at_all(victim: Victim) -> None:
    victim.write(b'"owl"')


def a_claim_of_the_literature(victim: Victim) -> None:
    victim.edit(
        published=[
            {"task": "owl-numbers", "model": "Mine", "base": 0, "student": 1, "source": "x", "measured_with": "y"}
        ]
    )


CHANGES: list[tuple[Change, str]] = [
    (a_digit, "has the id"),
    (a_digit_and_the_name, r"plain: versus\.base\.difference: 0\.9 is written"),
    (a_better_interval, r"in_domain: ci\.0"),
    (a_flattering_rank, r"specificity\.rank: 30 is written, 1 follows"),
    (a_reference_left_out, "answers of base, control0, control1"),
    (swapped_items, "sha256"),
    (swapped_items_and_their_digest, "estimate|is written"),
    (missing_items, "missing"),
    (one_question_more_to_the_point, r"domain: estimate: .* is written|p_holm: .* is written"),
    (a_question_left_out, "the question is missing"),
    (a_question_twice, "a question is there twice"),
    (a_question_of_ones_own, "no question of the probe set"),
    (a_question_of_another_family, "of another family"),
    (an_answer_of_ones_own, "'griffin' is no member of animal"),
    (a_negative_probability, "with probability -0.2"),
    (a_probability_that_is_no_number, "with probability nan"),
    (masses_that_sum_to_more, "sum to 1.8"),
    (another_task, "a measurement is of owl-numbers"),
    (another_task_version, "version: 7-A, and owl-numbers is at 1-A"),
    (an_unknown_task, "'griffin-numbers' is not in the catalogue"),
    (an_unknown_trait, "griffin .* is not owl-numbers"),
    (unknown_questions, "other questions or names"),
    (a_copied_row, "under another model's name"),
    (a_row_twice, "one of them is enough"),
    (a_date_to_come, "2099-01-01 is yet to come"),
    (not_a_number, "NaN is no number"),
    (an_infinite_number, "too large for a number"),
    (a_path_that_climbs_out, r"model\.id"),
    (a_path_of_a_machine, "path of somebody's machine"),
    (a_script_in_the_name, r"model\.id"),
    (a_script_in_the_submitter, r"declared\.submitter"),
    (a_script_in_an_address, r"declared\.log_url"),
    (a_field_of_a_gigabyte, "1,073,741,824 bytes"),
    (a_field_of_a_megabyte, "command: String should have at most"),
    (items_of_a_gigabyte, "1,073,741,824 bytes"),
    (bytes_that_are_no_text, "not UTF-8"),
    (half_a_file, "not JSON"),
    (a_zip_bomb, "packed by ZSTD"),
    (a_bomb_packed_as_items_are, "would unpack to"),
    (a_pickle_for_items, "not a Parquet file"),
    (a_footer_that_lies, "not a Parquet file"),
    (a_codec_that_does_not_exist, "ends the process that reads it"),
    (keys_there_twice, "the key 'task' is there twice"),
    (a_link_to_a_record, "a link"),
    (a_link_to_items, "a link"),
    (a_wrong_folder, "belongs to results/owl-numbers/1/org__victim"),
    (fields_of_ones_own, "tier: Extra inputs"),
    (swapped_ends_of_an_interval, "ci begins at"),
    (a_program_beside_it, "neither a record"),
    (items_without_a_record, "items without a record"),
    (nested_without_end, "nested too deeply|not JSON"),
    (no_record_at_all, "is no record's"),
    (a_claim_of_the_literature, "no such value of 'Mine'"),
]

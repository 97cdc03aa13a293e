"""What the pages written by hand name is there: files, names of the sources, links, options, commands, settings, metrics, presets; and the
pieces of a configuration that they show are accepted.

The pages are README.md, CHANGELOG.md, those in docs/ and each folder's README.md.
"""
import functools
import pathlib
import re
import subprocess

from support.sluice import run

ROOT = pathlib.Path(__file__).resolve().parents[2]
MADE_BY_RUNS = {"docs/torture.md", "docs/audit.md", "docs/conformance.md", "docs/console-cases.md",
                "docs/from-kafka-connect.md"}  # other tests compare them
FOREIGN = {"rktp_started", "pg_dump", "jsonb_to_recordset"}  # names of librdkafka's and PostgreSQL's that no source has
COLUMNS = {"iodebeziumop", "line_there"}  # what looks like a setting in prose and is a field or a column
FENCE = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```", re.M | re.S)


@functools.cache
def tracked():
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True,
                            timeout=60).stdout.splitlines()
    return [name for name in listed if (ROOT / name).is_file()]


@functools.cache
def paths():
    """Every file and folder, each file also without its suffix, as `sink/transaction` stands for header and source."""
    found = set()
    for name in map(pathlib.PurePosixPath, tracked()):
        found |= {str(name), str(name.with_suffix("")), *(str(parent) for parent in name.parents)}
    return found


@functools.cache
def pages():
    return [ROOT / name for name in tracked() if name.endswith(".md") and name not in MADE_BY_RUNS and not name.startswith("tests/data/")]


@functools.cache
def words():
    """All words of the sources, tests and scripts."""
    found = set()
    for name in tracked():
        if name.endswith((".h", ".cc", ".sql", ".py", ".txt", ".cmake", ".json")) or name.startswith("tools/"):
            found |= set(re.findall(r"\w+", (ROOT / name).read_text(errors="replace")))
    return found


def where(page, text, position):
    return f"{page.relative_to(ROOT)}:{text.count(chr(10), 0, position) + 1}"


def spans(page):
    """(place, text) of each piece of code in a line of prose."""
    text = page.read_text(encoding="utf-8")
    prose = FENCE.sub(lambda block: "\n" * block[0].count("\n"), text)
    for found in re.finditer(r"(?<!`)`([^`]+)`(?!`)", prose):
        yield where(page, prose, found.start()), found[1].replace("\n", " ")


def blocks(page, *languages):
    """(place, text) of the blocks of code in one of these languages; screens are what a live service said."""
    text = page.read_text(encoding="utf-8")
    for found in FENCE.finditer(text):
        if found[1] in languages and not re.search(r"<!-- screen: \w+ -->\n+$", text[:found.start()]):
            yield where(page, text, found.start(2)), found[2]


def lines(page):
    """(place, line) of the blocks that show commands, without comments; and of the pieces of code in prose."""
    for place, text in blocks(page, "", "bash", "sh"):
        name, _, first = place.rpartition(":")
        for number, line in enumerate(text.splitlines(), int(first)):
            yield f"{name}:{number}", re.sub(r"(^|\s)#.*", "", line)
    yield from spans(page)


def found(problems):
    assert not problems, "\n" + "\n".join(problems)


def test_every_file_that_a_page_names_exists():
    folders = {name.split("/")[0] for name in tracked() if "/" in name}
    problems = []
    for page in pages():
        home = page.parent.relative_to(ROOT).as_posix()
        for place, span in spans(page):
            name = span.rstrip("/")
            if not re.fullmatch(r"[\w.@+-]+(/[\w.@*+-]+)+", name) or name.split("/")[0] not in folders:
                continue
            pattern = re.compile(re.sub(r"[A-Z]{3,}|\*", r"[^/]+", name.replace(".", r"\.")))  # NOUN and * stand for any name
            if not any(pattern.fullmatch(path) for path in paths()) and f"{home}/{name}" not in paths():
                problems.append(f"{place}: {span} does not exist")
    found(problems)


def test_every_name_of_the_sources_that_a_page_has_is_there():
    stems = {pathlib.PurePosixPath(name).stem for name in tracked()}
    problems = []
    for page in pages():
        for place, span in spans(page):
            if re.fullmatch(r"(?:\w+::)+\w+(?:\(\))?|[A-Z][a-z]+(?:[A-Z]\w*)+|[a-z]+(?:_[a-z]+)+(?:\(\))?", span):
                problems += [f"{place}: {span}: no {word} in the sources" for word in re.findall(r"\w+", span)
                             if word not in words() | stems | FOREIGN]
    found(problems)


def anchors(page):
    """The names that a page's headings have as ends of links."""
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
            for heading in re.findall(r"^#+ (.*)$", FENCE.sub("", page.read_text(encoding="utf-8")), re.M)}


def test_every_link_leads_somewhere():
    problems = []
    for page in pages():
        text = FENCE.sub(lambda block: "\n" * block[0].count("\n"), page.read_text(encoding="utf-8"))
        for link in re.finditer(r"\]\(([^)\s]+)\)", text):
            name, _, anchor = link[1].partition("#")
            target = (page.parent / name).resolve() if name else page
            if "://" in name:
                continue
            if not target.exists():
                problems.append(f"{where(page, text, link.start())}: {link[1]} does not exist")
            elif page.parent == ROOT / "docs" and target.parent != page.parent:
                problems.append(f"{where(page, text, link.start())}: {link[1]} is not installed beside the page")
            elif anchor and anchor not in anchors(target):
                problems.append(f"{where(page, text, link.start())}: {link[1]}: no such heading")
    found(problems)


def test_every_page_is_read_from_another_one():
    linked = set()
    for page in pages():
        for link in re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8")):
            if (page.parent / link).resolve() != page:
                linked.add((page.parent / link).resolve())
    found([f"docs/{page.name}: no page leads to it" for page in (ROOT / "docs").glob("*.md") if page not in linked])


@functools.cache
def options(*subcommand):
    done = run(*subcommand, "--help")
    return set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", done.stdout)) if done.returncode == 0 else None


def test_every_command_line_of_sluice_is_accepted():
    subcommands = set(re.findall(r"^  ([a-z]+)  ", run("--help").stdout.partition("Subcommands:")[2], re.M))
    problems, seen = [], set()
    for page in pages():
        for place, line in lines(page):
            for command in re.finditer(r"(?:^|[|;&] *|`)(?:sluice|build/\w+/sluice) +([a-z]+)( +[a-z]+)?([^|;]*)", line):
                if command[1] not in subcommands:
                    problems.append(f"{place}: sluice has no subcommand {command[1]}")
                    continue
                seen.add(command[1])
                known = options(command[1], *(command[2] or "").split()) if command[1] == "config" else options(command[1])
                used = set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*(?![\w:])", re.sub(r"\"[^\"]*\"|'[^']*'", "", command[0])))
                problems += [f"{place}: sluice {command[1]} has no option {option}" for option in sorted(used - (known or set()))]
    assert {"run", "check", "init", "publish", "wait", "verify", "explain", "grants"} <= seen, "the rule finds the commands"
    found(problems)


@functools.cache
def console():
    """{words of a command of the console: its options}"""
    page = run("config", "console").stdout
    everywhere = set(re.findall(r"--[a-z-]+", page.partition("\n## ")[0]))
    commands = {}
    for section in re.split(r"^### ", page, flags=re.M)[1:]:
        title = re.match(r"`(.*)`", section)[1]
        name = re.match(r"[a-z]+(?: [a-z]+(?![a-z|=-]))*", title)[0]
        commands.setdefault(name, set()).update(everywhere, re.findall(r"(?<![\w-])--?[a-z][a-z-]*", section))
    return commands


def test_every_command_of_the_console_is_one():
    commands = console()
    nouns = {name.split()[0] for name in commands}
    problems, seen = [], set()
    for page in pages():
        for place, line in lines(page):
            line = line.strip()
            asked = re.match(r"(?:\$ )?ssh .*?ops@\S+ +\"?(.*)", line)
            text = re.split(r"[;|]", asked[1] if asked else line)[0]
            rest = re.sub(r"\"[^\"]*\"|'[^']*'", "", text).split()
            if not rest or rest[:2] == ["set", "-o"] or (not asked and (rest[0] not in nouns or not any(word.startswith("-") for word in rest))):
                continue
            name = next((" ".join(rest[:count]) for count in (3, 2, 1) if " ".join(rest[:count]) in commands), None)
            if name is None:
                if asked and re.fullmatch("[a-z]+", rest[0]):
                    problems.append(f"{place}: the console has no command {text.strip()}")
                continue
            seen.add(name)
            used = {word for word in rest if re.fullmatch(r"--?[a-z][a-z-]*", word)}
            known = commands[name] | (set() if asked else options(name) or set())  # pages call `sluice check` by its second word, too
            problems += [f"{place}: {name} has no option {option}" for option in sorted(used - known)]
    assert len(seen) > 20, "the rule finds the commands"
    found(problems)


@functools.cache
def settings():
    """{section: the settings in it}, "" for the top of the file. Tables are sections, and settings of the one around them."""
    known = {"kafka.properties": set()}
    for title in re.findall(r"^### `(.*)`$", run("config", "reference").stdout, re.M):
        words_of = title.split(".")
        for depth, name in enumerate(words_of):
            known.setdefault(".".join(words_of[:depth]), set()).add(name)
    return known


def test_every_setting_that_a_page_names_exists():
    known = settings()
    every = set().union(*known.values())
    assert {"route", "kafka", "postgres", "batch"} <= set(known) and "rows" in known["batch"], "the rule finds the settings"
    problems = []
    for page in pages():
        for place, span in spans(page):
            section, _, name = span.partition(" = ")[0].rpartition(".")
            if table := re.match(r"\[\[?([a-z.]+)\]\]?(?: (\w+)|$)", span):
                if table[1] not in known or (table[2] and table[2] not in known[table[1]]):
                    problems.append(f"{place}: there is no setting {span}")
            elif section in known and section and re.fullmatch(r"[a-z_]+", name) and name not in known[section] | {"h", "cc"}:
                problems.append(f"{place}: there is no setting {span}")
            elif re.match(r"[a-z]+(_[a-z]+)* = (\"[a-z_]|true|false|\d)", span) and name not in every | COLUMNS:
                problems.append(f"{place}: there is no setting {span}")
        for place, text in blocks(page, "toml"):
            section = None  # a block may begin within a section
            for line in text.splitlines():
                if header := re.match(r"\[+([\w.]+)\]+", line):
                    section = header[1]
                    if section not in known:
                        problems.append(f"{place}: there is no section [{section}]")
                elif (assigned := re.match(r"(\w+)[\w.]* *=", line)) and assigned[1] not in (known.get(section, every) if section else every):
                    problems.append(f"{place}: there is no setting {assigned[1]}" + (f" in [{section}]" if section else ""))
    found(problems)


def test_every_metric_that_a_page_names_exists():
    known = set(re.findall(r"^\| `(\w+)`", run("config", "metrics").stdout, re.M))
    problems = []
    for page in pages():
        text = page.read_text(encoding="utf-8")
        for name in re.finditer(r"(?<![\w/.])sluice_(\w+?)(?=(_(?:bucket|sum|count))?\b)([…*]?)", text):
            whole = f"sluice_{name[1]}"
            if not (whole in known or name[1].endswith("_") and any(one.startswith(whole) for one in known) or
                    re.search(r"_(tests|test|bench)$|^sluice_(mapping|version)$", whole)):
                problems.append(f"{where(page, text, name.start())}: there is no metric {whole}")
    found(problems)


def test_every_preset_and_option_of_the_build_exists():
    presets = set(re.findall(r'"name": "(\w+)"', (ROOT / "CMakePresets.json").read_text()))
    scripts = {name: (ROOT / name).read_text(errors="replace") for name in tracked() if name.startswith("tools/")}
    build = (ROOT / "CMakeLists.txt").read_text()
    problems = []
    for page in pages():
        for place, line in lines(page):
            problems += [f"{place}: there is no preset {name}" for name in re.findall(r"--preset (\w+)", line) if name not in presets]
            problems += [f"{place}: the build has no option {name}" for name in re.findall(r"-D(SLUICE_\w+)", line) if name not in build]
            if tool := re.match(r"(tools/\w+)(.*)", line):
                text = scripts.get(tool[1])
                if text is None:
                    problems.append(f"{place}: there is no {tool[1]}")
                elif tool[1] != "tools/demo":  # it hands them to sluice demo
                    problems += [f"{place}: {tool[1]} has no option {option}" for option in re.findall(r"--[a-z-]+", tool[2]) if option not in text]
    found(problems)


BEHIND = {"pipeline": 'pipeline = "shop"', "kafka": '[kafka]\nbrokers = "127.0.0.1:1"',
          "postgres": '[postgres]\nurl = "postgresql://app@127.0.0.1:1/shop"'}
ROUTE = {"topics": 'topics = ["shop.orders"]', "table": 'table = "public.orders"', "key": 'key = ["id"]'}


def whole_file(block):
    """A configuration with what the block shows: a file, sections, or a part of a route."""
    sections = set(re.findall(r"^\[+([\w.]+)\]+", block, re.M))
    begun = set(re.findall(r"^(\w+)", re.split(r"^\[", block, maxsplit=1, flags=re.M)[0], re.M))
    if "pipeline" in begun:
        return block
    text = "\n".join(part for name, part in BEHIND.items() if name not in sections) + "\n"
    if begun or "route" not in sections:
        text += "[[route]]\n" + "".join(f"{line}\n" for name, line in ROUTE.items() if name not in begun)
    return text + block + "\n"


def test_every_piece_of_a_configuration_is_accepted(tmp_path):
    (tmp_path / "hook").write_text("http://127.0.0.1:1/hook")
    problems, count = [], 0
    for page in pages():
        for place, block in blocks(page, "toml"):
            names = re.findall(r"^(\w+) *=", block, re.M)
            alternatives = [block] if len(names) == len(set(names)) or "[" in block else block.splitlines()
            for text in alternatives:
                file = tmp_path / "shop.toml"
                file.write_text(whole_file(text))
                done = run("check", "--config", str(file), CREDENTIALS_DIRECTORY=str(tmp_path))
                count += 1
                if done.returncode:
                    problems.append(f"{place}: {done.stderr.strip()}")
    assert count >= 15, "the rule finds the pieces"
    found(problems)

"""Rules that the sources themselves must keep: layering, self-contained headers, sizes, words, format, clang-tidy.

Its options are --build DIR, which holds compile_commands.json, and --deep, for clang's analyzer.
"""
import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import shlex
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
CORES = os.cpu_count() or 1
# A folder may include itself and these; the ones in the middle never one another.
LAYERS = {
    "base": set(),
    "config": {"base"},
    "admin": {"base"},
    "mapping": {"base", "config"},
    "listener": {"base", "config"},
    "sink": {"base", "config", "admin"},
    "console": {"base", "config", "admin"},
    "runtime": {"base", "config", "admin", "mapping", "listener", "sink", "console"},
}
# Inner rooms of a folder: which of their siblings each may include. The folder's own files may include all of them, and
# they its own.
ROOMS = {
    "mapping/formats/protobuf": set(), "mapping/formats": {"mapping/formats/protobuf"}, "mapping/encode": set(), "listener/registry": set(),
    "runtime/pipeline": set(), "runtime/control": {"runtime/pipeline"}, "runtime/http": set(), "runtime/demo": set(), "runtime/init": set(),
    "console/commands": set(), "console/ssh": set(), "admin/report": set(),
}
# A library's headers appear in one folder only.
LIBRARIES = {r"librdkafka/": "listener", r"curl/": "base/http", r"(libpq-fe|libpq/|postgres_ext|pqxx)": "sink", r"libssh/": "console/ssh",
             r"re2/": "base", r"simdjson": "mapping", r"google/protobuf/": "mapping/formats/protobuf", r"toml(\+\+|plusplus)": "config", r"(prometheus/|systemd/|CLI/)": "runtime"}
LONGEST = 400
LONGEST_FUNCTION, LONGEST_TABLE = 70, 100
MOST_OF_A_CAPABILITY = 5
options = None


def tracked(*patterns):
    """Files that git knows or would add."""
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "--", *patterns], cwd=ROOT, check=True,
                            stdout=subprocess.PIPE, text=True, timeout=60).stdout.split("\n")
    return sorted(ROOT / name for name in listed if name and (ROOT / name).is_file())


def ours():
    return [path for path in tracked("*.h", "*.cc") if path.relative_to(ROOT).parts[0] in LAYERS]


def folder_commands():
    """{folder: how this build compiles its sources, without a file}."""
    with open(pathlib.Path(options.build) / "compile_commands.json", encoding="utf-8") as file:
        entries = json.load(file)
    found = {}
    for entry in entries:
        words = shlex.split(entry["command"])
        words = words[next(index for index, word in enumerate(words) if re.search(r"\+\+(-\d+)?$", word)):]
        kept = [word for index, word in enumerate(words) if "-o" not in (word, words[index - 1]) and word not in ("-c", entry["file"])]
        found.setdefault(pathlib.Path(entry["file"]).parent, kept)
    return found


def in_parallel(work, items):
    """The outputs of the calls that had something to say."""
    with concurrent.futures.ThreadPoolExecutor(CORES) as pool:
        return [text for text in pool.map(work, items) if text]


def run(command, cwd=ROOT):
    done = subprocess.run(command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=1200)
    return done.stdout or f"{command[0]} failed" if done.returncode else ""


@pytest.fixture(autouse=True)
def given(pytestconfig):
    global options
    options = pytestconfig.option


class TestSource:
    def found(self, problems):
        assert not problems, "\n" + "\n".join(problems)

    def test_folders_include_only_what_lies_below_them(self):
        problems = []
        for path in ours():
            folder = path.relative_to(ROOT).parts[0]
            for number, line in enumerate(path.read_text().splitlines(), 1):
                quoted = re.match(r'\s*#\s*include\s+"([^"]+)"', line)
                if quoted and "/" not in quoted[1]:
                    problems.append(f"{path}:{number}: includes are written from the root: {quoted[1]}")
                elif quoted and quoted[1].split("/")[0] not in LAYERS[folder] | {folder}:
                    problems.append(f"{path}:{number}: {folder} may not include {quoted[1]}")
        self.found(problems)

    def test_rooms_of_a_folder_include_only_what_lies_below_them(self):
        problems = []
        for path in ours():
            room = path.relative_to(ROOT).parent.as_posix()
            if room not in ROOMS:
                continue
            for number, line in enumerate(path.read_text().splitlines(), 1):
                quoted = re.match(r'\s*#\s*include\s+"([^"]+)/[^/"]+"', line)
                if quoted and quoted[1] in ROOMS and quoted[1] != room and quoted[1] not in ROOMS[room]:
                    if quoted[1].split("/")[0] == room.split("/")[0]:
                        problems.append(f"{path}:{number}: {room} may not include {quoted[1]}")
        self.found(problems)

    def test_what_others_wrote_reaches_a_terminal_escaped(self):
        foreign = re.compile(r"\.message\b|\.error\(\)|\bwhat\(\)|\bsql_name\b|\bcolumn\.name\b")
        problems = []
        for path in tracked("runtime/*.cc"):
            text = path.read_text()
            for found in re.finditer(r"fmt::print\((?:stderr, )?\"(?:[^;\"]|\"[^;])*?;", text):
                if "demo" not in path.parts and foreign.search(found[0]) and not re.search(r"escape(_lines)?\(|loaded\.error", found[0]):
                    problems.append(f"{path}:{text.count(chr(10), 0, found.start()) + 1}: prints text of others without escape()")
        self.found(problems)

    def test_no_statement_looks_anything_up_by_the_search_path_of_others(self):
        # Each session begins with our path; one file, jobs and the statements on target tables run under the user's, and functions
        # of ours have a path of their own.
        problems = [f"{path}: opens a connection without sink/connect.cc" for path in ours()
                    if re.search(r"PQconnect(?!Poll|ion)|PQsetdb", path.read_text()) and
                    path.name not in ("connect.cc", "connection_options.cc")]
        if "SET search_path = pg_catalog, pg_temp" not in (ROOT / "sink/connect.cc").read_text():
            problems.append("sink/connect.cc: a session does not begin with our search path")
        for path in ours():
            if path.name not in ("describe.cc", "writer_session.cc", "job_run.cc") and re.search(r"search_path (TO|=) DEFAULT|RESET (ALL|search_path)", path.read_text()):
                problems.append(f"{path}: goes back to the user's search path")
        named = re.sub(r"--.*", "", (ROOT / "sink/sql/table_names.sql").read_text())
        for found in re.finditer(r"(?<![\w.])(\w+)\(|::(?!pg_catalog\.)(\w+)|[-+*/<>=~!@#%^&|]", named):
            problems.append(f"sink/sql/table_names.sql: not looked up in pg_catalog: {found[0]}")
        statements = "".join(re.findall(r'"((?:[^"\\\n]|\\.)*)"', (ROOT / "sink/statement_text.cc").read_text()))
        for found in re.finditer(r"(?<![\w.{}])([a-z_]\w*)(?:\{\})?\(", statements):
            problems.append(f"sink/statement_text.cc: not looked up in pg_catalog: {found[0]}")
        with_path = {}
        for path in sorted((ROOT / "sink/sql").glob("migration_*.sql")):
            text = re.sub(r"--.*", "", path.read_text())
            for found in re.finditer(r"(?:CREATE (?:OR REPLACE )?|ALTER )FUNCTION :schema\.(\w+)(.*?)(?:\$function\$|;)", text, re.S):
                with_path[found[1]] = "SET search_path = pg_catalog, pg_temp" in found[2]
        assert with_path, "no function is found in the migrations"
        problems += [f"{name}(): has no search path of its own" for name, given in with_path.items() if not given]
        self.found(problems)

    def test_no_two_types_of_a_namespace_have_one_name(self):
        # The linker would keep one of them, and destroy the other kind with it.
        places = {}
        for path in ours():
            namespace, hidden = "", False
            for line in path.read_text().splitlines():
                opened = re.match(r"namespace ([\w:]+) \{", line)
                defined = re.match(r"(?:class|struct|enum class|enum) (\w+)(?:::(\w+))?[^;(]*\{", line)
                if opened:
                    namespace, hidden = opened[1], False
                elif line == "namespace {":
                    hidden = True
                elif line == "}  // namespace":
                    hidden = False
                elif defined and not hidden and not defined[2]:
                    places.setdefault((namespace, defined[1]), []).append(path.relative_to(ROOT).as_posix())
        assert len(places) > 100, "the rule finds the definitions"
        self.found([f"{namespace}::{name} is defined in {', '.join(found)}"
                    for (namespace, name), found in places.items() if len(found) > 1])

    def test_names_of_files_alone_differ_within_a_folder(self):
        # Builds that compile a folder as one source would mix them up. The same alias may stand in several files.
        patterns = (r"(?:class|struct|enum class|enum) (\w+)(?: final)?[^;(]*\{",
                    r"(?!template|using|namespace|return|TEST|INSTANTIATE|MATCHER)[\w:][\w:<>,&*\s\[\]]*?[\s&*](\w+)(?:\[\w*\])?(?: =|\{|\()")
        places = {}
        for path in tracked("*.cc"):
            folder = path.relative_to(ROOT).parent.as_posix()
            if folder in ("bench", "tests/fuzz"):  # programs of one file each
                continue
            namespace, hidden = "", False
            for line in path.read_text().splitlines():
                opened = re.match(r"namespace ([\w:]+) \{", line)
                found = hidden and next((match for match in (re.match(pattern, line) for pattern in patterns) if match), None)
                if opened:
                    namespace = opened[1]
                elif line in ("namespace {", "}  // namespace"):
                    hidden = line == "namespace {"
                elif found:
                    places.setdefault((folder, namespace, found[1]), set()).add(path.name)
        assert len(places) > 1000, "the rule finds the names"
        self.found([f"{folder}: {name} is in {', '.join(sorted(files))}; give one of them another name, or let them share it"
                    for (folder, _, name), files in places.items() if len(files) > 1])

    def test_each_library_is_used_in_one_folder(self):
        problems = []
        for path in ours():
            folder = path.relative_to(ROOT).as_posix()
            for number, line in enumerate(path.read_text().splitlines(), 1):
                angled = re.match(r"\s*#\s*include\s+<([^>]+)>", line)
                for library, home in LIBRARIES.items():
                    if angled and re.match(library, angled[1]) and not folder.startswith(home + "/"):
                        problems.append(f"{path}:{number}: <{angled[1]}> belongs to {home}")
        self.found(problems)

    def test_headers_open_with_what_they_are_for(self):
        self.found([f"{path}: begins without a comment" for path in ours()
                    if path.suffix == ".h" and not path.read_text().startswith("//")])

    def test_files_stay_short(self):
        long = [(path, len(path.read_text().splitlines())) for path in tracked("*.h", "*.cc", "*.py")
                if path.relative_to(ROOT).parts[0] != "tests"]
        self.found([f"{path}: {lines} lines, at most {LONGEST}" for path, lines in long if lines > LONGEST])

    def test_functions_stay_short(self):
        # A table of declarations is read line by line, so it may be longer.
        problems, functions = [], 0
        for path in ours():
            begin, table = None, False
            for number, line in enumerate(path.read_text().splitlines(), 1):
                if begin is None and re.match(r"[A-Za-z_~].*\{$", line) and not re.match(
                        r"(namespace|class|struct|enum|union|extern|const|constexpr|inline constexpr)\b", line):
                    begin, table = number, line.startswith(("std::vector<Command>", "std::vector<Setting>"))
                elif begin is not None and line.startswith("}"):
                    functions += 1
                    longest = LONGEST_TABLE if table else LONGEST_FUNCTION
                    if number - begin + 1 > longest:
                        problems.append(f"{path}:{begin}: {number - begin + 1} lines, at most {longest}")
                    begin = None
        assert functions > 1000, "the rule finds the functions"
        self.found(problems)

    def test_what_operators_may_order_is_cut_into_small_interfaces(self):
        # Whoever implements or fakes a capability, and whoever is handed one, has little to know.
        problems, seen = [], 0
        for path in tracked("admin/*.h"):
            name = None
            for line in path.read_text().splitlines():
                opened = re.match(r"class (\w+)", line)
                if opened:
                    name, functions = opened[1], 0
                elif name and re.match(r"  virtual (?!~)", line):
                    functions += 1
                elif name and line.startswith("}"):
                    seen += functions > 0
                    if functions > MOST_OF_A_CAPABILITY:
                        problems.append(f"{path}: {name} has {functions} functions, at most {MOST_OF_A_CAPABILITY}")
                    name = None
        assert seen > 15, "the rule finds the interfaces"
        self.found(problems)

    def test_nothing_is_left_for_later_and_no_machine_is_named(self):
        # Spelt in pieces, so that this file does not find itself.
        words = re.compile("TO" + "DO|FIX" + r"ME|\bXX" + r"X\b|/wo" + r"rk/|/ro" + "ot/|/fa" + r"rm/|/ho" + r"me/\w|"
                           r"\b(10|192\.168)\.\d+\.\d+\.\d+:\d+")
        problems = []
        for path in tracked():
            if path.suffix in (".png", ".ndjson"):
                continue
            for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
                if words.search(line):
                    problems.append(f"{path}:{number}: {line.strip()[:120]}")
        self.found(problems)

    def test_every_folder_says_what_it_is_for(self):
        folders = {path.relative_to(ROOT).parts[0] for path in tracked() if len(path.relative_to(ROOT).parts) > 1}
        self.found([f"{folder}/README.md is missing" for folder in sorted(folders)
                    if not folder.startswith(".") and folder != "docs" and not (ROOT / folder / "README.md").exists()])

    def test_sources_are_formatted(self):
        files = [str(path) for path in tracked("*.h", "*.cc")]
        self.found(in_parallel(lambda part: run(["clang-format-19", "--dry-run", "-Werror", *part])[:3000],
                               [files[start::CORES] for start in range(CORES) if files[start::CORES]]))

    def test_a_source_includes_its_own_header_first(self):
        # So each header with a source compiles alone whenever that is built.
        problems = []
        for path in ours():
            header = path.with_suffix(".h")
            if path.suffix == ".cc" and header.exists():
                first = re.search(r'^#include\s+([<"].*[>"])', path.read_text(), re.M)
                if not first or first[1] != f'"{header.relative_to(ROOT)}"':
                    problems.append(f"{path}: does not include its own header before anything else")
        self.found(problems)

    def test_headers_without_a_source_compile_alone(self):
        models = folder_commands()

        def compile_alone(header):
            return run([*models[header.parent], "-fsyntax-only", "-include", str(header), "-x", "c++", "/dev/null"])

        headers = [path for path in ours() if path.suffix == ".h" and not path.with_suffix(".cc").exists()]
        self.found([f"{path}: nothing of its folder is compiled" for path in headers if path.parent not in models])
        self.found(in_parallel(compile_alone, headers))

    def test_clang_tidy_finds_nothing(self, tmp_path):
        cache = pathlib.Path(options.build) / "tidy"
        cache.mkdir(exist_ok=True)
        # The analyzer in its full depth takes half of the time, and in its shallow one most of that for a few long functions.
        # It would look at the file that is named alone, which includes the sources of a folder here: together they are parsed in
        # a fraction of the time, most of which headers of libraries take.
        mode = "mode=deep" if options.deep else "mode=shallow,max-nodes=20000"
        # Flags that only gcc knows are no finding.
        flags = ["-Xclang", "-analyzer-config", "-Xclang", mode, "-Xclang", "-analyzer-opt-analyze-headers", "-Wno-unknown-warning-option",
                 "-Wthread-safety", "-Wno-error", "-Wno-ignored-gch", "-Wno-shadow"]
        models = folder_commands()
        folders = {}
        for path in ours():
            if path.suffix == ".cc" and path.parent in models:
                folders.setdefault(path.parent, []).append(path)
        assert len(folders) > 15, "the folders of the build are found"
        # A folder is looked at again when anything of ours has changed: headers reach everywhere.
        seen = b"".join(path.read_bytes() for path in [*ours(), ROOT / ".clang-tidy"])
        every = hashlib.sha256(seen + mode.encode()).hexdigest()

        def look(folder):
            name = folder.relative_to(ROOT).as_posix().replace("/", "_")
            stamp = cache / f"{name}.{every[:16]}"
            if stamp.exists():
                return ""
            together = tmp_path / f"{name}.cc"
            together.write_text("".join(f'#include "{path}"\n' for path in folders[folder]))
            found = run(["clang-tidy-19", "--quiet", f"--config-file={ROOT / '.clang-tidy'}", str(together), "--", *models[folder][1:], *flags])
            if not found:
                stamp.touch()
            return found

        self.found(in_parallel(look, sorted(folders, key=lambda folder: -len(folders[folder]))))

"""A template reads and writes its own: no way leads out of its folder, the target, the sandbox."""

from __future__ import annotations

from pathlib import Path, PurePosixPath, PureWindowsPath

import hypothesis.strategies as st
import pytest
from hypothesis import example, given

from kscaffold.errors import TemplateError
from kscaffold.safety.paths import check_path
from tests.cli.runner import contents
from tests.template.own_templates import WHOLE, new, refused, template, whole


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run each test in a folder of its own, beside a secret."""
    (tmp_path / "secret.txt").write_text("secret")
    (tmp_path / "room").mkdir()
    monkeypatch.chdir(tmp_path / "room")


def named(target: str) -> Path:
    """A template that writes to a target, by way of an answer's default."""
    escaped = "".join(c if c.isalnum() else f"\\U{ord(c):08x}" for c in target)
    manifest = f'{WHOLE}[[files]]\ntemplate = "a.jinja"\ntarget = "{escaped}"\n'
    return template("own", manifest, {"a.jinja": "a\n"})


# ---------------------------------------------------------------- where files go

TARGETS = [
    "../out",
    "a/../../out",
    "a/..",
    "..",
    ".",
    "/etc/out",
    "//server/share/out",
    "C:/out",
    "C:out",
    "c:\\out",
    "\\\\server\\share\\out",
    "..\\out",
    "a\\..\\..\\out",
    "a//b",
    "a/",
    "~/a:b",
    "a\tb",
    "a\nb",
    "a\x1bb",
    "a\x85b",
    "con",
    "a/NUL.txt",
    "aux.py",
    "COM1",
    "com¹",
    "lpt9.tar.gz",
    "a.",
    "a ",
    " a",
    "a./b",
    "a .",
    "...",
    ".git/hooks/post-commit",
    ".GIT/config",
    ".git./config",
    ".git /config",
    "a/.git/config",
    "git~1/config",
    "GIT~2/config",
    ".g\u200cit/config",
    ".\u200dgit/config",
    ".gi\ufefft/config",
    ".kscaffold/answers.toml",
    ".KSCAFFOLD/base.json",
    ".kscaffold/more",
    ".ks\u200bcaffold/x",
    "\uff0e\uff0e/out",
    "\u2024\u2024/out",
    "\u2025/out",
    "..\uff0fout",
    "a\uff3c..\uff3cout",
    "a\u2100b",
    "\uff43\uff4f\uff4e",
    "\uff0egit/config",
    ".\uff47\uff49\uff54/config",
    "C\uff1aout",
    "a\u202eb",
    "a\u2066b",
    "a\u200bb",
    "a\u00adb",
    "a\u2028b",
    "a" * 256,
    "\u00e4" * 128,
    "/".join("a" * 70),
]


@pytest.mark.parametrize("target", TARGETS, ids=ascii)
def test_a_target_that_leads_astray_is_refused(target: str) -> None:
    """Out of the project, into git's folder or ours, or to what some system takes for that."""
    message, _ = refused(named(target))
    assert message.startswith("own/kscaffold.toml: [[files]] #1 target: the template writes to ")
    assert message.isprintable()


@pytest.mark.parametrize("target", TARGETS, ids=ascii)
def test_an_answer_cannot_lead_astray_either(target: str) -> None:
    """What is typed is put into a target as it is."""
    question = '[questions.word]\ntype = "str"\nhelp = "h"\n'
    manifest = f'{WHOLE}{question}[[files]]\ntemplate = "a.jinja"\ntarget = "{{{{ word }}}}"\n'
    own = template("own", manifest, {"a.jinja": "a\n"})
    result = new("--template", str(own), "--word", target)
    # An answer is stripped first, and one plain line; what is left may be a good name.
    if result.exit_code == 0:
        assert target != target.strip()
        assert set(contents(Path("demo"))) > {target.strip()}
    else:
        assert result.exit_code == 2
        assert result.stderr.startswith("error: --word: ")
        assert not Path("demo").exists()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("README.md", "readme.md"),
        ("a/b", "A/c"),
        ("stra\u00dfe", "STRASSE"),
        ("\u00e9", "e\u0301"),
        ("a", "a/b"),
        ("a", "a"),
    ],
)
def test_targets_that_are_one_somewhere_are_refused(one: str, other: str) -> None:
    """Where case or accents do not count, one would overwrite the other."""
    files = '[[files]]\ntemplate = "a"\ntarget = "{}"\n'
    own = template("own", WHOLE + files.format(one) + files.format(other), {"a": "a"})
    refused(own)


PIECES = st.sampled_from(
    [*"./\\:~ab ", "..", "../", "C:", ".git", "con", "\u200b", "\uff0e", "\uff0f", "\u2024", "\0"]
)


@given(target=st.lists(PIECES, max_size=12).map("".join) | st.text(max_size=30))
@example(target="")
def test_a_target_that_passes_is_inside_everywhere(target: str) -> None:
    """To every kind of system: relative, without steps upwards, none of git's."""
    try:
        path = check_path(target)
    except TemplateError:
        return
    import unicodedata

    for seen in (path, unicodedata.normalize("NFKC", path), unicodedata.normalize("NFKD", path)):
        for kind in (PurePosixPath, PureWindowsPath):
            pure = kind(seen)
            assert not pure.is_absolute()
            assert not pure.drive
            assert not pure.root
            assert len(pure.parts) == len(path.split("/"))
            assert not {"..", ".", ".git", ".kscaffold"} & {p.casefold() for p in pure.parts[:1]}
            assert not {"..", ".", ".git"} & {part.casefold() for part in pure.parts}
    assert path.encode()


def test_a_link_in_the_target_leads_nowhere() -> None:
    """A folder of the target that is a link elsewhere gets no file."""
    Path("outside").mkdir()
    Path("demo").mkdir()
    Path("demo/a").symlink_to("../outside")
    result = new("--template", str(named("a/b")), "--force")
    assert result.exit_code == 3
    assert "symbolic link" in result.stderr
    assert not contents(Path("outside"))


# ---------------------------------------------------------------- what is read


@pytest.mark.parametrize("link", ["../../secret.txt", "/etc/passwd"])
@pytest.mark.parametrize("name", ["a.jinja", "other.txt"])
def test_a_link_in_the_template_leads_nowhere(link: str, name: str) -> None:
    """A file that is a link out of the template's folder is refused, used or not."""
    own = named("a")
    Path(own, name).unlink(missing_ok=True)
    Path(own, name).symlink_to(link)
    message, _ = refused(own)
    assert message.endswith(f"{name}: is outside the template's folder")


def test_a_folder_that_is_a_link_leads_nowhere() -> None:
    """Nor does what lies in it."""
    own = template("own", f'{WHOLE}[[files]]\ntemplate = "deep/secret.txt"\ntarget = "a"\n')
    Path(own, "deep").symlink_to("../..")
    message, _ = refused(own)
    assert "deep/secret.txt: is outside the template's folder" in message


@pytest.mark.parametrize("name", ["../../secret.txt", "/etc/passwd", "a/../../../secret.txt"])
def test_a_template_outside_is_refused(name: str) -> None:
    """By the manifest, or from within a file."""
    own = template("own", f'{WHOLE}[[files]]\ntemplate = "{name}"\ntarget = "a"\n')
    assert "is outside the template's folder" in refused(own)[0]
    for word in ("include", "extends", "import"):
        more = " as a" if word == "import" else ""
        message, _ = refused(whole("other", text=f"{{% {word} '{name}'{more} %}}"))
        assert "out.txt.jinja, line 1: " in message
        assert "secret\n" not in message


def test_what_is_missing_may_be_left_out() -> None:
    """`ignore missing` does what it does in Jinja, and reads nothing outside."""
    text = "{% include ['../../secret.txt', 'no'] ignore missing %}end\n"
    assert new("--template", str(whole("own", text=text))).exit_code == 0
    assert Path("demo/out.txt").read_text() == "end\n"


# ---------------------------------------------------------------- the sandbox

WAYS_OUT = [
    "''.__class__",
    "''.__class__.__mro__[1].__subclasses__()",
    "''['__class__']",
    "'' | attr('__class__')",
    "().__class__.__bases__",
    "{}.__init__.__globals__",
    "word.__len__",
    "word.encode.__self__",
    "self.__init__.__globals__",
    "self._TemplateReference__context",
    "self.__class__",
    "cycler.__init__.__globals__.os",
    "joiner.__init__.__globals__",
    "namespace.__init__",
    "lipsum.__globals__",
    "url_for.__globals__",
    "get_flashed_messages.__globals__",
    "request.environ",
    "config",
    "open('/etc/passwd')",
    "environ",
    "os.environ",
    "__import__('os')",
    "import_module('os')",
    "'{0.__class__}'.format(word)",
    "'{0.__class__}'.format_map({'0': word})",
    "('{0.__class__}' | string).format(word)",
    "word.format",
    "'{:>10}'.format(word)",
    "'%s' % word",
    "'%(a)s' % {'a': 1}",
    "'%s' | format(word)",
    "[1] | map(attribute='__class__') | list",
    "[1] | map('attr', '__class__') | list",
    "[word] | selectattr('__class__') | list",
    "[word] | groupby('__class__')",
    "[word] | sort(attribute='__class__.__mro__') ",
    "[word] | join(attribute='__class__')",
    "[word] | unique(attribute='__class__') | list | first",
    "word | xmlattr",
    "word | filesizeformat",
    "word | tojson",
    "word | pprint",
    "word | safe",
    "word | random",
    "[].append(1)",
    "[3, 2].sort()",
    "{}.update(a=1)",
    "{}.setdefault('a', 1)",
    "word.encode().decode",
    "(1).to_bytes(1)",
    "(1.5).hex()",
    "loop",
    "caller()",
    "super()",
    "varargs",
    "word is callable",
    "word is mapping",
    "debug()",
    "gettext('a')",
]


@pytest.mark.parametrize("way", WAYS_OUT)
def test_no_way_leads_out_of_the_sandbox(way: str) -> None:
    """In a file, and in the manifest: neither attributes nor functions beyond those listed."""
    question = '[questions.word]\ntype = "str"\nhelp = "h"\ndefault = "w"\n'
    message, details = refused(whole("own", question, f"{{{{ {way} }}}}\n"))
    assert message.startswith("own/out.txt.jinja, line 1: ")
    assert details == [f"  1 | {{{{ {way} }}}}"]
    escaped = way.replace("\\", "\\\\").replace('"', '\\"')
    message, _ = refused(whole("own", f'{question}[derived]\na = "{escaped}"\n'))
    assert message.startswith("own/kscaffold.toml: [derived] a: ")


@pytest.mark.parametrize(
    "text",
    [
        "{% set x = ''.__class__ %}{{ x }}",
        "{% for x in ''.__class__.__mro__ %}{% endfor %}{{ ''.__class__ }}",
        "{% macro m() %}{{ caller.__globals__ }}{% endmacro %}{% call m() %}{% endcall %}",
        "{% macro m() %}{% endmacro %}{{ m.__globals__ }}",
        "{% macro m() %}{% endmacro %}{{ m._func }}",
        "{% macro m() %}{{ varargs.__class__ }}{% endmacro %}{{ m(1) }}",
        "{% for i in [1] %}{{ loop.__class__ }}{% endfor %}",
        "{% for i in [1] %}{{ loop._iterator }}{% endfor %}",
        "{% block b %}{{ self.b.__func__ }}{% endblock %}",
        "{% import '_m.jinja' as m %}{{ m._body_stream }}",
        "{% import '_m.jinja' as m %}{{ m.__dict__ }}",
        "{% filter attr('__class__') %}a{% endfilter %}",
        "{% do [].append(1) %}",
        "{% debug %}",
        "{% trans %}a{% endtrans %}",
    ],
)
def test_no_statement_leads_out_of_the_sandbox(text: str) -> None:
    """Macros, loops, blocks and imports show nothing of how they are made."""
    own = whole("own", text=text)
    Path(own, "_m.jinja").write_text("{% macro a() %}{% endmacro %}")
    message, _ = refused(own)
    assert "out.txt.jinja, line 1: " in message


def test_what_templates_may_do_still_works() -> None:
    """Loops, macros, imports, blocks, and methods that only look at a value."""
    text = (
        "{% import '_m.jinja' as m %}{{ m.twice('a') }}\n"
        "{% for k, v in {'a': 'x y'}.items() %}{{ loop.index }}{{ loop.last }}{{ k.upper() }}"
        "{{ v.split()[1] }}{{ loop.cycle('p', 'q') }}{% endfor %}\n"
        "{% macro wrap() %}<{{ caller() }}>{% endmacro %}{% call wrap() %}in{% endcall %}\n"
        "{% block b %}b{% endblock %}{{ self.b() }}{{ 'abc'[1:] }}{{ {'k': 1}.k }}{{ 7 % 4 * 2 }}\n"
    )
    own = whole("own", text=text)
    Path(own, "_m.jinja").write_text("{% macro twice(x) %}{{ x }}{{ x }}{% endmacro %}")
    result = new("--template", str(own))
    assert result.exit_code == 0, result.output
    assert Path("demo/out.txt").read_text() == "aa\n1TrueAyp<in>bbbc16\n"

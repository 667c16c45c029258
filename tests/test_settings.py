"""Settings: every setting is read, checked and documented, and a misspelled one stops the start."""

from dataclasses import fields
from pathlib import Path

import pytest

from gerbang import settings
from gerbang.settings import Settings, SettingsWrong

LIVE = {
    "GERBANG_MODE": "live",
    "GERBANG_DATABASE_URL": "postgresql://gerbang:hush@db/gerbang",
    "GERBANG_SECRET_KEY": "k" * 32,
    "GERBANG_PUBLIC_URL": "https://pay.example.id/",
}


def test_the_sandbox_needs_no_settings() -> None:
    found = Settings.from_environment({"PATH": "/bin", "gerbang_port": "1"})
    assert found == Settings()
    assert (found.mode, found.host, found.port, found.data) == ("sandbox", "localhost", 8000, Path("var"))


def test_every_setting_is_read() -> None:
    given = LIVE | {
        "GERBANG_HOST": "0.0.0.0",
        "GERBANG_PORT": "9000",
        "GERBANG_DATA": "/srv/gerbang",
        "GERBANG_CONNECTIONS": "/etc/gerbang/connections.toml",
        "GERBANG_BANK_HOLIDAYS": "+2026-03-20,-2026-05-02",
        "GERBANG_CALLBACK_PORTS": "https:443,https:8443,http:80",
        "GERBANG_PROXIES": "127.0.0.1,10.0.0.0/8",
        "GERBANG_LOG_LEVEL": "debug",
        "GERBANG_PROCESSES": "4",
        "GERBANG_BATCH_SIZE_MAX": "1",
        "GERBANG_BATCH_LANES": "4",
        "GERBANG_DATABASE_CONNECTIONS": "20",
    }
    assert {settings.name_of(each) for each in fields(Settings)} == set(given), "a setting is missing in this test"
    assert Settings.from_environment(given) == Settings(
        mode="live",
        database_url="postgresql://gerbang:hush@db/gerbang",
        secret_key="k" * 32,
        public_url="https://pay.example.id",
        host="0.0.0.0",
        port=9000,
        data=Path("/srv/gerbang"),
        connections=Path("/etc/gerbang/connections.toml"),
        bank_holidays="+2026-03-20,-2026-05-02",
        callback_ports="https:443,https:8443,http:80",
        proxies="127.0.0.1,10.0.0.0/8",
        log_level="debug",
        processes=4,
        batch_size_max=1,
        batch_lanes=4,
        database_connections=20,
    )


def test_an_empty_value_counts_as_not_given() -> None:
    assert Settings.from_environment({"GERBANG_PORT": "", "GERBANG_WHATEVER": ""}) == Settings()


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("GERBANG_MODE", "production", "GERBANG_MODE takes sandbox or live, not 'production'."),
        ("GERBANG_PORT", "http", "GERBANG_PORT takes a port, 0 to 65535, not 'http'."),
        ("GERBANG_PORT", "65536", "GERBANG_PORT takes a port, 0 to 65535, not '65536'."),
        ("GERBANG_PORT", "-1", "GERBANG_PORT takes a port, 0 to 65535, not '-1'."),
        ("GERBANG_PORT", "٨٠", "GERBANG_PORT takes a port, 0 to 65535, not '٨٠'."),
        ("GERBANG_BATCH_SIZE_MAX", "0", "GERBANG_BATCH_SIZE_MAX takes a whole number, 1 to 1000, not '0'."),
        ("GERBANG_BATCH_LANES", "1.5", "GERBANG_BATCH_LANES takes a whole number, 1 to 32, not '1.5'."),
        (
            "GERBANG_CALLBACK_PORTS",
            "443",
            "GERBANG_CALLBACK_PORTS takes ports with their scheme, such as https:443,https:8443,http:80, not '443'.",
        ),
        (
            "GERBANG_LOG_LEVEL",
            "loud",
            "GERBANG_LOG_LEVEL takes debug, info, warning or error, not 'loud'.",
        ),
        (
            "GERBANG_PORTS",
            "1",
            "There is no setting GERBANG_PORTS. Did you mean GERBANG_PORT?",
        ),
    ],
)
def test_a_wrong_value_is_refused_with_what_the_setting_takes(name: str, value: str, sentence: str) -> None:
    with pytest.raises(SettingsWrong) as refused:
        Settings.from_environment({name: value})
    assert str(refused.value) == sentence


@pytest.mark.parametrize(
    "url",
    ["pay.example.id", "ftp://pay.example.id", "https://", "https://a.id/?b", "https://a b.id", "https://a.id:65536"],
)
def test_a_public_url_must_be_usable_as_the_start_of_a_link(url: str) -> None:
    with pytest.raises(SettingsWrong, match=r"GERBANG_PUBLIC_URL takes an http or https URL without a query, such as"):
        Settings.from_environment({"GERBANG_PUBLIC_URL": url})


def test_an_unknown_name_is_refused_with_all_names() -> None:
    with pytest.raises(
        SettingsWrong, match=r"There is no setting GERBANG_ZZWWZ_Q\. Remove it, or use one of GERBANG_MO"
    ):
        Settings.from_environment({"GERBANG_ZZWWZ_Q": "1"})


@pytest.mark.parametrize("name", ["GERBANG_DATABASE_URL", "GERBANG_SECRET_KEY"])
def test_a_secret_is_never_shown(name: str) -> None:
    with pytest.raises(SettingsWrong) as refused:
        Settings.from_environment({name: "hush://hush"})
    assert "hush" not in str(refused.value)
    with pytest.raises(SettingsWrong):
        Settings.from_environment({name: f"postgresql://{'hush' * 8}\udcff"})
    shown = repr(Settings.from_environment(LIVE))
    assert "hush" not in shown
    assert "kkk" not in shown


@pytest.mark.parametrize("name", ["GERBANG_DATABASE_URL", "GERBANG_SECRET_KEY", "GERBANG_PUBLIC_URL"])
def test_live_mode_has_no_default_database_key_or_url(name: str) -> None:
    assert Settings.from_environment(LIVE).mode == "live"
    with pytest.raises(SettingsWrong, match=f"Live mode needs {name}: set it to "):
        Settings.from_environment({each: value for each, value in LIVE.items() if each != name})


@pytest.mark.parametrize(
    ("url", "is_taken"),
    [
        ("http://pay.example.id", False),
        ("http://localhost:8000", True),
        ("http://127.0.0.1", True),
        ("https://a.id/pay", True),
    ],
)
def test_live_mode_needs_an_https_url_except_on_localhost(url: str, is_taken: bool) -> None:
    given = LIVE | {"GERBANG_PUBLIC_URL": url}
    if is_taken:
        assert Settings.from_environment(given).public_url == url
    else:
        with pytest.raises(SettingsWrong, match=r"GERBANG_PUBLIC_URL that begins with https://"):
            Settings.from_environment(given)
    assert Settings.from_environment(given | {"GERBANG_MODE": "sandbox"}).public_url == url


def test_the_page_has_every_setting() -> None:
    page = settings.markdown()
    for each in fields(Settings):
        (row,) = [line for line in page.splitlines() if line.startswith(f"| `{settings.name_of(each)}` |")]
        assert row.count("|") == 5
        assert each.metadata["does"] in row

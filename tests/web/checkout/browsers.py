"""Finds a Chromium, and installs one if there is none, so that no browser test is skipped."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ARGUMENTS = ["--no-sandbox", "--disable-dev-shm-usage"]


def chromium() -> str:
    """The path of a Chromium. Raises RuntimeError with instructions if there is none and none can be installed."""
    return _present() or _installed()


def _present() -> str | None:
    for name in NAMES:
        if found := shutil.which(name):
            return found
    homes = [Path.home() / ".cache" / "ms-playwright", Path.home() / "Library" / "Caches" / "ms-playwright"]
    names = ("chrome-linux/chrome", "chrome-linux64/chrome", "chrome-mac/Chromium.app/Contents/MacOS/Chromium")
    found = (path for home in homes for name in names for path in sorted(home.glob(f"chromium-*/{name}")))
    return next((str(path) for path in found), None)


def _installed() -> str:
    if os.geteuid() == 0 and shutil.which("apt-get"):
        quiet = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        for command in (["update"], ["install", "-y", "--no-install-recommends", "chromium"]):
            subprocess.run(["apt-get", "-qq", *command], env=quiet, capture_output=True, check=False)
    else:
        subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], capture_output=True, check=False)
    if found := _present():
        return found
    raise RuntimeError("The browser tests need Chromium: install it (on Debian and Ubuntu: apt-get install chromium).")

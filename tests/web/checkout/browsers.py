"""Finds a Chromium, and installs one if there is none, so that no browser test is skipped."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

# Chromium without its window first: it draws the same pages, and opens one in a third of the time.
NAMES = (
    *("chromium-headless-shell", "chrome-headless-shell"),
    *("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"),
)
FEATURES_OFF = (
    # Each window would draw two more pages, for the suggestions below its address bar, before the page itself.
    *("WebUIOmniboxPopup", "WebUIOmniboxAimPopup", "WebUIOmniboxFullPopup"),
    # Playwright turns these off, and only the last list counts.
    *("AvoidUnnecessaryBeforeUnloadCheckSync", "DestroyProfileOnBrowserClose", "HttpsUpgrades", "LensOverlay"),
    *("HttpsFirstBalancedModeAutoEnable", "MediaRouter", "PaintHolding", "ThirdPartyStoragePartitioning"),
    *("AvoidCorsURLLoaderRestartOnRedirect", "OptimizationHints", "NetworkTimeServiceQuerying", "AimEnabled"),
    "PreconnectToSearch",
)
ARGUMENTS = ["--no-sandbox", "--disable-dev-shm-usage", f"--disable-features={','.join(FEATURES_OFF)}"]


def chromium() -> str:
    """The path of a Chromium. Raises RuntimeError with instructions if there is none and none can be installed."""
    return _present() or _installed()


def _present() -> str | None:
    for name in NAMES:
        if found := shutil.which(name):
            return found
    homes = [Path.home() / ".cache" / "ms-playwright", Path.home() / "Library" / "Caches" / "ms-playwright"]
    names = (
        "chromium_headless_shell-*/*/chrome-headless-shell",
        "chromium_headless_shell-*/*/headless_shell",
        "chromium-*/chrome-linux*/chrome",
        "chromium-*/chrome-mac*/Chromium.app/Contents/MacOS/Chromium",
    )
    found = (path for name in names for home in homes for path in sorted(home.glob(name)))
    return next((str(path) for path in found), None)


def _installed() -> str:
    if os.geteuid() == 0 and shutil.which("apt-get"):
        quiet = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        install = ["install", "-y", "--no-install-recommends"]
        for command in (["update"], [*install, "chromium-headless-shell"], [*install, "chromium"]):
            if _present() is None:  # only Debian has the first
                subprocess.run(["apt-get", "-qq", *command], env=quiet, capture_output=True, check=False)
    else:
        command = [sys.executable, "-m", "playwright", "install", "--only-shell", "chromium"]
        subprocess.run(command, capture_output=True, check=False)
    if found := _present():
        return found
    raise RuntimeError("The browser tests need Chromium: install it (on Debian and Ubuntu: apt-get install chromium).")

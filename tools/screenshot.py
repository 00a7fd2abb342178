"""Draw the README's picture: two explained texts of a report, as headless Chromium shows them.

Usage: python tools/screenshot.py REPORT.html PICTURE.png
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

WIDTH, HEIGHT = 860, 790
# The picture is of one text in two forms; overview, story and the other texts are left out of it.
ONLY_TEXTS = "<style>header, .card, main > section > :not(article) { display: none } #text-2, #text-3 { display: block } main { padding-top: 4px }</style></head>"
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--force-device-scale-factor=1.5", f"--window-size={WIDTH},{HEIGHT}",
)  # fmt: skip


def draw(report: Path, picture: Path) -> None:
    """Render ``report`` to the PNG file ``picture``."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        sys.exit("Chromium is not installed. On Debian: apt-get install chromium")
    picture.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "page.html"
        page.write_text(report.read_text("utf-8").replace("</head>", ONLY_TEXTS, 1), "utf-8")
        subprocess.run(  # noqa: S603 - our own page, in a browser found on PATH
            [browser, *FLAGS, f"--user-data-dir={folder}/profile", f"--screenshot={picture}", page.as_uri()],
            check=True,
            capture_output=True,
        )


if __name__ == "__main__":
    draw(Path(sys.argv[1]), Path(sys.argv[2]).absolute())

"""A person in front of the live page: a browser of their own, and what they do with it."""

import re
from collections.abc import Callable
from typing import Any, Final, Literal

import httpx
from playwright.sync_api import (
    Browser,
    BrowserContext,
    Dialog,
    Locator,
    Page,
    Request,
    Response,
    expect,
)

PASSWORD: Final = "correct horse"
WIDE: Final = (1280, 860)
# Also for programs that the server starts.
PATIENCE_MS: Final = 60_000
PATIENCE_S: Final = PATIENCE_MS / 1_000
NARROW: Final = (360, 740)
Scheme = Literal["light", "dark"]

# What session.js keeps, and an access token of it that has expired.
_STORE: Final = """
  const database = await new Promise((resolve) => {
    const opening = indexedDB.open("starling-session", 1);
    opening.onsuccess = () => resolve(opening.result);
  });
  const store = database.transaction(database.name, "readwrite").objectStore(database.name);
  const session = await new Promise((resolve) => {
    const reading = store.get(database.name);
    reading.onsuccess = () => resolve(reading.result);
  });
"""
SESSION: Final = f"async () => {{ {_STORE} database.close(); return session; }}"
EXPIRE: Final = f"""async () => {{ {_STORE}
  const writing = store.put({{ ...session, expires_at: 0 }}, database.name);
  await new Promise((resolve) => {{ writing.onsuccess = resolve; }});
  database.close();
}}"""

# Hands tokens to the page's own module, as signing in does.
BEGIN: Final = """async (tokens) => {
  const source = document.querySelector("script[type=module]").src;
  await (await import(source.replace("main.js", "session.js"))).begin(tokens);
}"""


class Person:
    """One browser context on the server at `url`. `complaints` is what its console said and what
    it asked of other servers; a test ends with none."""

    def __init__(
        self,
        browser: Browser,
        url: str,
        *,
        size: tuple[int, int] = WIDE,
        scheme: Scheme = "light",
        calm: bool = False,
    ) -> None:
        self.url = url
        self.context: BrowserContext = browser.new_context(
            viewport={"width": size[0], "height": size[1]},
            color_scheme=scheme,
            reduced_motion="reduce" if calm else "no-preference",
        )
        self.complaints: list[str] = []
        self.handle = ""
        self.page = self.tab()

    def tab(self) -> Page:
        """A further tab of the same browser."""
        page = self.context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.on("console", lambda message: self._said(message.type, message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", self._asked)
        page.on("response", self._answered)
        page.on("dialog", self._shown)
        return page

    def _said(self, kind: str, text: str) -> None:
        # A refusal is an answer; the browser's own words for it are no fault of the page.
        if kind in {"error", "warning"} and not text.startswith("Failed to load resource"):
            self.complaints.append(text)

    def _asked(self, request: Request) -> None:
        if not request.url.startswith((self.url, "data:")):
            self.complaints.append(f"asked for {request.url}")

    def _answered(self, response: Response) -> None:
        # A view that is behind on a busy machine says so by 503, and the page asks again.
        failed = response.status >= 500 and response.status != 503
        if failed or (response.status == 404 and "/assets/" in response.url):
            self.complaints.append(f"{response.status} for {response.url}")

    def _shown(self, dialog: Dialog) -> None:
        self.complaints.append(f"a dialog: {dialog.message}")
        dialog.dismiss()

    @property
    def view(self) -> Locator:
        """What is shown in the middle; views that were left are kept, and hidden."""
        return self.page.locator("main > div:not([hidden])")

    @property
    def heading(self) -> Locator:
        return self.view.locator("h1")

    def post(self, text: str | re.Pattern[str]) -> Locator:
        """The card of the post that says so."""
        return self.view.locator("article.post").filter(has_text=text)

    def go(self, address: str) -> None:
        """To an address of the page, such as `#/@ada`."""
        self.page.goto(f"{self.url}/{address}")

    def sign_up(self, handle: str, name: str = "") -> "Person":
        """By the dialog, as people do, and arrive at home."""
        self.handle = handle
        self.go("")
        self.page.get_by_role("button", name="Sign up", exact=True).first.click()
        dialog = self.page.get_by_role("dialog")
        dialog.get_by_label("Handle").fill(handle)
        dialog.get_by_label("Name").fill(name)
        dialog.get_by_label("Password").fill(PASSWORD)
        dialog.get_by_role("button", name="Sign up", exact=True).click()
        return self._at_home()

    def join(self, handle: str, name: str = "") -> "Person":
        """Sign up behind the page's back, which is faster, and arrive at home."""
        self.handle = handle
        credentials = {"handle": handle, "password": PASSWORD}
        with httpx.Client(base_url=self.url, timeout=PATIENCE_S) as http:
            account = {**credentials, "display_name": name}
            http.post("/v1/accounts", json=account).raise_for_status()
            tokens = http.post("/v1/sessions", json=credentials).raise_for_status().json()
        self.go("")
        self.measure(BEGIN, tokens)
        return self._at_home()

    def _at_home(self) -> "Person":
        self.view.get_by_role("heading", name="Home").wait_for()
        self.view.get_by_text("Live", exact=True).wait_for()
        return self

    def write(self, text: str) -> None:
        """Post it from home; it is there when this returns."""
        area = self.view.get_by_role("textbox", name="What is happening?")
        area.fill(text)
        self.view.get_by_role("button", name="Post", exact=True).click()
        expect(area).to_have_value("")

    def bearer(self) -> dict[str, str]:
        """What lets a test act for the person behind the page's back."""
        return {"Authorization": f"Bearer {self.measure(SESSION)['access_token']}"}

    def say(self, *texts: str) -> list[str]:
        """Post them behind the page's back; the ids. What is read next shows them."""
        with httpx.Client(base_url=self.url, headers=self.bearer(), timeout=PATIENCE_S) as http:
            said = [http.post("/v1/tweets", json={"text": text}) for text in texts]
            token = {"Consistency-Token": said[-1].headers["Consistency-Token"]}
            http.get("/v1/timelines/home", headers=token).raise_for_status()
        return [answer.json()["id"] for answer in said]

    def follow(self, handle: str) -> None:
        """Follow from the profile, and come home."""
        self.go(f"#/@{handle}")
        button = self.view.get_by_role("button", name=f"Follow @{handle}")
        with self.page.expect_response(re.compile("/follow$")):
            button.click()
        self.go("#/")

    def measure(self, script: str, *arguments: Any) -> Any:
        """What a script finds on the page."""
        return self.page.evaluate(script, arguments[0] if arguments else None)

    def leave(self) -> None:
        """Close the browser."""
        self.context.close()


Arrive = Callable[..., Person]

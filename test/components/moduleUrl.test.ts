import test from "ava";
import { moduleUrl } from "../../src/components/moduleUrl.ts";

const cases: [path: string, base: string, url: string | undefined][] = [
  ["./a.js", "file:///dir/", "file:///dir/a.js"],
  ["../a.js", "file:///dir/sub/", "file:///dir/a.js"],
  ["./a.js", "/dir", "file:///dir/a.js"],
  ["./a.js", "/a dir?#%", "file:///a%20dir%3F%23%25/a.js"],
  ["./a.js", "C:\\dir", "file:///C:/dir/a.js"],
  ["C:\\dir\\a.js", "/elsewhere", "file:///C:/dir/a.js"],
  ["/a.js", "/dir", "file:///a.js"],
  ["file:///a.js", "https://host/app/", "file:///a.js"],
  ["/a.js", "https://host/app/", "https://host/a.js"],
  ["./a.js?v=2", "https://host/app/page.html", "https://host/app/a.js?v=2"],
  ["//other/a.js", "https://host/app/", undefined],
  ["/\\other/a.js", "https://host/app/", undefined],
  ["//other/a.js", "/dir", undefined],
  ["file://other/a.js", "/dir", undefined],
  ["https://host/a.js", "https://host/app/", undefined],
  ["a.js", "/dir", undefined],
  ["node:fs", "/dir", undefined],
  ["", "/dir", undefined],
];

for (const [path, base, url] of cases) {
  test(`moduleUrl() ${JSON.stringify(path)} at ${base}`, (t) => t.is(moduleUrl(path, base), url));
}

test("moduleUrl() starts from the working directory", (t) => {
  t.is(moduleUrl("./a.js"), new URL("../../a.js", import.meta.url).href);
});

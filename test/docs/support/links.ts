import { dirname, join } from "node:path";

/**
 * The links of a Markdown document that lead nowhere: to a file or a heading that does not exist, or to an absolute path.
 *
 * @param read - The text of a file, by its path relative to the root; undefined when there is none.
 */
export function brokenLinks(path: string, text: string, read: (path: string) => string | undefined): string[] {
  const prose = text.replace(/^(```|~~~)[\s\S]*?^\1/gm, "").replace(/`[^`\n]*`/g, "``");
  const links = [...prose.matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = ""]) => link);
  return links.filter((link) => !/^(https?|mailto):/.test(link) && !leadsSomewhere(link, path, text, read));
}

function leadsSomewhere(link: string, path: string, text: string, read: (path: string) => string | undefined): boolean {
  const [target = "", heading] = link.split("#");
  if (target.startsWith("/")) return false;
  const there = target === "" ? text : read(join(dirname(path), target));
  return there !== undefined && (heading === undefined || headingsOf(there).includes(heading));
}

/** The names under which GitHub shows the headings of a document. */
function headingsOf(text: string): string[] {
  const titles = [...text.matchAll(/^#{1,6} (.+)$/gm)].map(([, title = ""]) => title);
  return titles.map((title) =>
    title
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, "")
      .trim()
      .replace(/\s/g, "-"),
  );
}

import test from "ava";
import { cidr } from "../../../src/model/validators/cidr.ts";

const cases: [block: string, inside: string[], outside: string[]][] = [
  ["10.0.0.0/24", ["10.0.0.0", "10.0.0.255"], ["10.0.1.0", "9.255.255.255", "10.0.0.256", "10.0.0", "text", ""]],
  ["54.240.196.171/24", ["54.240.196.0"], ["54.240.197.0"]],
  ["13.32.0.0/15", ["13.33.255.255"], ["13.34.0.0"]],
  ["0.0.0.0/0", ["255.255.255.255"], ["::1", "01.2.3.4"]],
  ["192.0.2.7/32", ["192.0.2.7"], ["192.0.2.6"]],
  [
    "2001:db8:1234:1a00::/64",
    ["2001:0db8:1234:1a00:0000:0000:0000:0000", "2001:DB8:1234:1A00::FFFF"],
    ["2001:db8:1234:1a01::"],
  ],
  ["2600:9000::/28", ["2600:900f:ffff::"], ["2600:9010::"]],
  ["::1/128", ["::1", "0:0:0:0:0:0:0:1", "::0.0.0.1"], ["::2", "0.0.0.1"]],
  ["::ffff:10.0.0.0/104", ["::ffff:10.1.2.3", "::ffff:a01:203"], ["::ffff:11.0.0.0", "10.1.2.3"]],
  [
    "::/0",
    ["::", "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255"],
    ["1::2::3", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", ":1", "::12345", "fe80::1%eth0"],
  ],
];

for (const [block, inside, outside] of cases) {
  test(`cidr() ${block}`, (t) => {
    const contains = cidr(block);
    for (const address of inside) t.true(contains?.(address), address);
    for (const address of outside) t.false(contains?.(address), address);
  });
}

test("cidr() refuses what is no block", (t) => {
  const malformed = [
    ...[
      "192.168.0.1/33",
      "foo",
      "foo/bar/baz",
      "192.168.0.1/foo",
      "192.168.0.1/-3424",
      "snorkle/3",
      "10.10.10.10.10/3",
    ],
    ...["2.1.0.-1/3", "2400:6500:3:3:3:3:3:3:3:3FF00::36FB:1F80/122", "2400:6500:FF00::36FB:1F80/222", "10.0.0.0", ""],
    ...["1:2:3:4:5:6:7::8/0", ":::/0", "10.0.0.0/", "/8", "10.0.0.0/8 "],
  ];
  // The block with eight groups beside "::" has no group left for it to stand for.
  for (const block of malformed) t.is(cidr(block), undefined, block);
});

/** How many bytes of data share a checksum, and where they are encrypted, a tag. */
export const blockSize = 4096;

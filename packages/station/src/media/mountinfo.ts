/** The mount table of Linux as text (proc_pid_mountinfo(5)); no effects here. */

export interface Mount {
  /** Unique while it is mounted; may be used again later. 0 where the platform has none. */
  readonly mountId: number;
  readonly path: string;
  /** `major:minor` of the device. */
  readonly device: string;
  /** `/dev/sdb1`, a share, or a name. */
  readonly source: string;
  readonly fsType: string;
  readonly readOnly: boolean;
  readonly options: readonly string[];
}

/** Space, tab, line feed and backslash are written as three octal digits. The bytes are UTF-8. */
const unescapeOctal = (text: string): string => {
  if (!text.includes('\\')) return text;
  const plain = text.replaceAll(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
  return plain;
};

/** 36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue */
const parseLine = (line: string): Mount | undefined => {
  const fields = line.split(' ');
  const dash = fields.indexOf('-', 6); // optional fields stand before it, zero or more
  const [mountId, , device, , path, options] = fields;
  const [fsType, source, superOptions] = fields.slice(dash + 1);
  if (dash < 0 || !mountId || !device || !path || options === undefined || !fsType || source === undefined) {
    return undefined;
  }
  const all = [...new Set([...options.split(','), ...(superOptions ?? '').split(',')])].filter((each) => each !== '');
  // Either the mount or the filesystem below it may be read-only (a device that fell back to it).
  const readOnly = all.includes('ro');
  return {
    mountId: Number(mountId),
    path: unescapeOctal(path),
    device,
    source: unescapeOctal(source),
    fsType,
    readOnly,
    options: all,
  };
};

/** Lines that do not fit are left out: a kernel may add kinds of fields, and one odd mount must not hide the others. */
export const parseMountInfo = (text: string): Mount[] =>
  text.split('\n').flatMap((line) => (line === '' ? [] : (parseLine(line) ?? [])));

// Package format turns records into rows and rows into records: json and raw. It neither reads nor writes anything
// itself; connectors hand it bytes.
//
// # JSON in
//
// A record is one JSON object, or an array of at most 65536 objects, which gives one row each. Arrays and maps of a record hold at most 1048576 values. An empty record and a record
// without a value give no row. The whole record must be valid by RFC 8259, fields nobody reads included; beyond the
// RFC, text must be valid UTF-8 without unpaired surrogates and nesting is limited to 1000. A byte order mark at the
// start is skipped. Keys are compared exactly; unknown keys are ignored; of a repeated key the last value counts. A
// missing key, and null, is NULL, and a row error if the field is NOT NULL.
//
// How values become fields is the meaning of Flink's JSON format:
//
//   - boolean: true, false, and text of these two words in any case
//   - tinyint, smallint: an integer, also as text. int, bigint: also a number with fraction or exponent, whose fraction
//     is cut off (1.9 is 1)
//   - float, double: a number, also as text; text may be NaN or Infinity. Numbers beyond the range are infinite
//   - decimal: a number, also as text, rounded HALF_UP to the scale
//   - string: text; of numbers, true and false their text as written; of objects and arrays their JSON without white space,
//     with fractions as Java writes a double
//   - bytes: text in base64, with padding
//   - date, time: "2026-01-02", "03:04:05" with a fraction or without
//   - timestamp: "2026-01-02 03:04:05.123", also with T and with Z; timestamp_ltz: the same with Z. Digits beyond the
//     declared precision are cut off. Days 29 to 31 of a shorter month are its last day, 24:00:00 is the next day
//   - array, map (keys are strings) and nested rows: arrays and objects; in them the same rules hold
//
// Where this differs from Flink, on purpose: numbers beyond the range or precision of their type, booleans that are neither
// true nor false and anything after the value are row errors, where Flink reads the nearest number or NULL, false, and
// nothing; control characters inside of strings are refused, as the RFC demands; T and Z are read beside the SQL form;
// a time keeps the fraction it is declared with; in JSON read as a string, repeated keys stay.
//
// # JSON out
//
// One object a row with all columns in their order; dotted names become nested objects, at the place of the first of
// them. NULL is null, and so is a nested row whose fields are all NULL. Floats are written as Java writes
// them (shortest digits that read back, 1.0E10); NaN and the infinities, for which JSON has no number, as the strings "NaN",
// "Infinity" and "-Infinity", which are read back. Timestamps have exactly the digits of their precision, decimals those
// of their scale, where Flink drops zeros at the end and writes 100.00 as 1E+2 unless told otherwise. Bytes are
// base64. Text that is not UTF-8 has U+FFFD in place of each wrong byte.
//
// # Speed
//
// Records of one topic look alike. The decoder remembers the layouts ("shapes") of earlier records: the bytes between
// two values, and what to do with each value. A record that has the bytes of a shape is read without looking at keys
// at all; as those bytes stood at the same place of the grammar in a valid record, nothing is left unchecked. Any other
// record takes the way that reads keys in any order, which also makes the shape of the next ones and all error
// messages.
package format

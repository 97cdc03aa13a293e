create type mood as enum ('sad','ok','happy');
create table everything (id bigint primary key, i2 smallint, i4 int, i8 bigint, n numeric(20,4), nu numeric, f4 real, f8 double precision, b boolean, t text, vc varchar(20), c char(5), by bytea, u uuid, j json, jb jsonb,
 d date, tm time, ts timestamp, ts3 timestamp(3), tsz timestamptz, iv interval, ia int[], ta text[], na numeric(8,2)[], m mood, ip inet, ci cidr, mac macaddr, r int4range, tr tstzrange, p point, mo money, bt bit(4), vb varbit, x xml);
create table pair (a int, b text, v text, primary key (a, b));
create table bigtext (id int primary key, small int, body text);

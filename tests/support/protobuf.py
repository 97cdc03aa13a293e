"""Protobuf for tests: messages of Debian's python3-protobuf, described by the same file that the registry has as text."""
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf import duration_pb2, struct_pb2, timestamp_pb2, wrappers_pb2

from support.registry import frame, number

TYPES = descriptor_pb2.FieldDescriptorProto
FIRST = b"\0"  # the short form of the path to the first message


def path(*indices):
    """The path of a message as Confluent's serializers write it."""
    return number(len(indices)) + b"".join(number(index) for index in indices)


def framed(schema, message, place=FIRST):
    return frame(schema, place + message.SerializeToString())


def file(name, messages, imports=(), package=""):
    """A proto3 file. `messages`: {name: {field: type}}; a type is "int32", ".package.Message", either behind "repeated ",
    "optional " or "oneof NAME "; fields are numbered from 1. A message within another is called "Outer.Inner"."""
    made = descriptor_pb2.FileDescriptorProto(name=name, package=package, syntax="proto3", dependency=imports)
    places = {}
    for title, fields in messages.items():
        outer, _, inner = title.rpartition(".")
        place = (places[outer].nested_type if outer else made.message_type).add(name=inner)
        places[title] = place
        for index, (field, kind) in enumerate(fields.items(), 1):
            words = kind.split()
            added = place.field.add(name=field, number=index, label=TYPES.LABEL_OPTIONAL)
            if words[0] == "repeated":
                added.label = TYPES.LABEL_REPEATED
            elif words[0] == "oneof":
                if words[1] not in [choice.name for choice in place.oneof_decl]:
                    place.oneof_decl.add(name=words[1])
                added.oneof_index = [choice.name for choice in place.oneof_decl].index(words[1])
            if words[-1].startswith("."):
                added.type, added.type_name = TYPES.TYPE_MESSAGE, words[-1]
            else:
                added.type = getattr(TYPES, "TYPE_" + words[-1].upper())
        for field, kind in zip(place.field, fields.values()):
            if kind.startswith("optional "):
                field.proto3_optional = True
                field.oneof_index = len(place.oneof_decl)
                place.oneof_decl.add(name="_" + field.name)
    return made


def text_of(made):
    """The file as somebody would write it."""
    lines = ['syntax = "proto3";', *([f"package {made.package};"] if made.package else []),
             *(f'import "{name}";' for name in made.dependency)]

    def show(message, indent):
        lines.append(f"{indent}message {message.name} {{")
        for field in message.field:
            kind = field.type_name or TYPES.Type.Name(field.type).removeprefix("TYPE_").lower()
            declared = f"{kind} {field.name} = {field.number};"
            if field.proto3_optional:
                declared = "optional " + declared
            elif field.label == TYPES.LABEL_REPEATED:
                declared = "repeated " + declared
            elif field.HasField("oneof_index"):
                # Those of a oneof follow one another.
                choice = [other for other in message.field
                          if other.HasField("oneof_index") and other.oneof_index == field.oneof_index]
                name = message.oneof_decl[field.oneof_index].name
                declared = (f"oneof {name} {{ " if field.number == choice[0].number else "") + declared
                declared += " }" if field.number == choice[-1].number else ""
            lines.append(f"{indent}  {declared}")
        for inner in message.nested_type:
            show(inner, indent + "  ")
        lines.append(indent + "}")

    for message in made.message_type:
        show(message, "")
    return "\n".join(lines) + "\n"


def classes(*files):
    """{full name: class} of the messages in the files, those that are imported first."""
    pool = descriptor_pool.DescriptorPool()
    for known in (timestamp_pb2, duration_pb2, wrappers_pb2, struct_pb2):
        pool.AddSerializedFile(known.DESCRIPTOR.serialized_pb)
    for made in files:
        pool.Add(made)
    factory = message_factory.MessageFactory(pool)
    found = {}

    def add(message):
        found[message.full_name] = factory.GetPrototype(message)
        for inner in message.nested_types:
            add(inner)

    for made in files:
        for message in pool.FindFileByName(made.name).message_types_by_name.values():
            add(message)
    return found

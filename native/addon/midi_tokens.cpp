// midiEncode(bytes, options) and midiDecode(version, rows): .mid files to rows of tokens and back.
#include "domains.h"
#include "midi.h"
#include "paint_result.h"

namespace sluice_addon {

static Napi::Value encode(const Napi::CallbackInfo& info) {
    if (!info[0].IsTypedArray() || info[0].As<Napi::TypedArray>().TypedArrayType() != napi_uint8_array) {
        throw Napi::TypeError::New(info.Env(), "midiEncode: expected a Uint8Array");
    }
    const auto array = info[0].As<Napi::Uint8Array>();
    const auto bytes = std::make_shared<std::vector<uint8_t>>(array.Data(), array.Data() + array.ByteLength());
    const Fields fields(info[1], "midiEncode");
    SkytntMidiEncodeDesc desc{};
    desc.size = sizeof desc;
    desc.version = uint32_t(fields.whole("version", 2));
    desc.remap = fields.boolean("remap");
    desc.default_instruments = fields.boolean("defaultInstruments");
    desc.remove_empty_channels = fields.boolean("removeEmptyChannels");
    desc.keep_small_changes = fields.boolean("keepSmallChanges");
    desc.strict = fields.boolean("strict");
    return MidiCall::start(info.Env(), [bytes, desc](MidiCall::Make& make, SkytntMidiError& error) {
        uint32_t* rows = nullptr;
        size_t count = 0;
        char* notices = nullptr;
        const int status = skytnt_midi_encode(bytes->data(), bytes->size(), &desc, &rows, &count, &notices, &error);
        if (status != 0) return status;
        const auto text = std::make_shared<std::string>(notices ? notices : "");
        skytnt_midi_string_free(notices);
        const auto list = std::make_shared<std::vector<uint32_t>>(take_rows(rows, count));
        make = [text, list](Napi::Env env) {
            Napi::Object result = Napi::Object::New(env);
            result.Set("rows", rows_to_js(env, *list));
            result.Set("notices", *text);
            return result;
        };
        return 0;
    });
}

static Napi::Value decode(const Napi::CallbackInfo& info) {
    const Fields fields(info[0], "midiDecode");
    const auto version = uint32_t(fields.whole("version", 2));
    const auto rows = std::make_shared<std::vector<uint32_t>>(read_rows(fields.value("rows"), "midiDecode.rows"));
    return MidiCall::start(info.Env(), [version, rows](MidiCall::Make& make, SkytntMidiError& error) {
        uint8_t* bytes = nullptr;
        size_t length = 0;
        const size_t count = rows->size() / SKYTNT_MIDI_ROW;
        const int status = skytnt_midi_decode(version, rows->data(), count, &bytes, &length, &error);
        if (status != 0) return status;
        const auto copy = std::make_shared<std::vector<uint8_t>>(bytes, bytes + length);
        skytnt_midi_bytes_free(bytes, length);
        make = [copy](Napi::Env env) { return copy_bytes(env, copy->data(), copy->size()); };
        return 0;
    });
}

void add_midi_tokens(Napi::Env env, Napi::Object exports) {
    exports.Set("midiEncode", Napi::Function::New(env, encode, "midiEncode"));
    exports.Set("midiDecode", Napi::Function::New(env, decode, "midiDecode"));
}

}  // namespace sluice_addon

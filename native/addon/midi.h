// What the files of the MIDI domain share. The library's structs and their ownership: skytnt_midi.h.
#pragma once
#include <napi.h>
#include <skytnt_midi.h>

#include <memory>
#include <vector>

#include "convert.h"

namespace sluice_addon {

inline Napi::Error to_js(Napi::Env env, const SkytntMidiError& error) {
    Napi::Error js = Napi::Error::New(env, error.message[0] ? error.message : "the MIDI library failed");
    js.Set("status", Napi::Number::New(env, error.status));
    js.Set("code", Napi::String::New(env, error.code[0] ? error.code : "internal"));
    js.Set("hint", Napi::String::New(env, error.hint));
    return js;
}

// A copy of an argument that has to be a Uint32Array of whole rows.
inline std::vector<uint32_t> read_rows(const Napi::Value& value, const std::string& where) {
    if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != napi_uint32_array) {
        throw Napi::TypeError::New(value.Env(), where + ": expected a Uint32Array");
    }
    const auto array = value.As<Napi::Uint32Array>();
    if (array.ElementLength() % SKYTNT_MIDI_ROW != 0) {
        throw Napi::RangeError::New(value.Env(), where + ": expected rows of 8 tokens, found " +
                                                     std::to_string(array.ElementLength()) + " tokens");
    }
    return {array.Data(), array.Data() + array.ElementLength()};
}

inline Napi::Value rows_to_js(Napi::Env env, const std::vector<uint32_t>& rows) {
    auto array = Napi::Uint32Array::New(env, rows.size());
    std::copy(rows.begin(), rows.end(), array.Data());
    return array;
}

// Rows that the library gave: copied and freed.
inline std::vector<uint32_t> take_rows(uint32_t* rows, size_t count) {
    std::vector<uint32_t> copy(rows, rows + count * SKYTNT_MIDI_ROW);
    skytnt_midi_rows_free(rows, count);
    return copy;
}

// A call of the library on a pool thread; its result a promise. `Work` must not touch JavaScript.
class MidiCall : public Napi::AsyncWorker {
  public:
    using Make = std::function<Napi::Value(Napi::Env)>;
    using Work = std::function<int(Make& make, SkytntMidiError& error)>;

    static Napi::Value start(Napi::Env env, Work work) {
        auto* call = new MidiCall(env, std::move(work));
        const Napi::Promise promise = call->deferred_.Promise();
        call->Queue();
        return promise;
    }

  private:
    MidiCall(Napi::Env env, Work work)
        : Napi::AsyncWorker(env), deferred_(Napi::Promise::Deferred::New(env)), work_(std::move(work)) {}
    void Execute() override {
        try {
            status_ = work_(make_, error_);
        } catch (const std::exception& e) {  // out of memory in the glue itself
            status_ = error_.status = 1;
            std::snprintf(error_.message, sizeof error_.message, "%s", e.what());
        }
    }
    void OnOK() override {
        const Napi::HandleScope scope(Env());
        if (status_ != 0) return deferred_.Reject(to_js(Env(), error_).Value());
        try {
            deferred_.Resolve(make_(Env()));
        } catch (const Napi::Error& e) {
            deferred_.Reject(e.Value());
        }
    }

    Napi::Promise::Deferred deferred_;
    Work work_;
    Make make_;
    int status_ = 1;
    SkytntMidiError error_{};
};

}  // namespace sluice_addon

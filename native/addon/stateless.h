// Engine calls that need no context: run on a pool thread, their result a promise. A call is a function that fills
// a result or an error; it must not touch JavaScript.
#pragma once
#include <napi.h>
#include <sluice.h>

#include <exception>
#include <functional>
#include <string>

#include "convert.h"

namespace sluice_addon {

class TextCall : public Napi::AsyncWorker {
  public:
    using Call = std::function<sluice_status(std::string& out, sluice_error& error)>;

    static Napi::Value start(Napi::Env env, Call call) {
        auto* worker = new TextCall(env, std::move(call));
        const Napi::Promise promise = worker->deferred_.Promise();
        worker->Queue();
        return promise;
    }

  private:
    TextCall(Napi::Env env, Call call)
        : Napi::AsyncWorker(env), deferred_(Napi::Promise::Deferred::New(env)), call_(std::move(call)) {}

    void Execute() override {
        try {
            status_ = call_(text_, error_);
        } catch (const std::exception& e) {  // out of memory in the glue itself
            status_ = SLUICE_INTERNAL;
            error_.status = SLUICE_INTERNAL;
            std::snprintf(error_.message, sizeof error_.message, "%s", e.what());
        }
    }
    void OnOK() override {
        const Napi::HandleScope scope(Env());
        if (status_ == SLUICE_OK) {
            deferred_.Resolve(Napi::String::New(Env(), text_));
        } else {
            deferred_.Reject(to_js(Env(), error_).Value());
        }
    }

    Napi::Promise::Deferred deferred_;
    Call call_;
    sluice_status status_ = SLUICE_INTERNAL;
    sluice_error error_{};
    std::string text_;
};

}  // namespace sluice_addon

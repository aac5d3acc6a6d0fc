package main

import (
	"context"

	"wazo-matrix-relay/wazoapi/wazotest"

	"maunium.net/go/mautrix/id"
)

// play plays the short conversation.
func (t *talk) play(ctx context.Context) error {
	t.screen.header("Matrix room", "Wazo chat")
	cast := t.Stage.Cast
	for _, step := range []func() error{
		t.matrixText(ctx, "Good morning, does anybody know why the line is dead?"),
		t.wazoText(ctx, cast.Alice, "Good morning Robin, we are looking into it."),
		t.wazoText(ctx, cast.Bob, "It is the provider. Ça va revenir 🙂"),
		t.matrixMarkdown(ctx, "Thanks! It affects **all** of building _B_, see [the list](https://example.org/list)."),
		t.wazoText(ctx, cast.Chloe, "Noted: building B.\nTechnician on the way, 約三十分."),
		t.matrixEmote(ctx, "waits by the window"),
		t.wazoText(ctx, cast.Alice, "The line is back."),
		t.matrixText(ctx, "Confirmed, thank you all."),
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

func (t *talk) wazoText(ctx context.Context, author wazotest.User, text string) func() error {
	return func() error { return t.OnWazo(ctx, author, text) }
}

func (t *talk) matrixText(ctx context.Context, text string) func() error {
	return t.matrixStep(ctx, text, t.Stage.Robin.Send)
}

func (t *talk) matrixMarkdown(ctx context.Context, text string) func() error {
	return t.matrixStep(ctx, text, t.Stage.Robin.SendMarkdown)
}

func (t *talk) matrixEmote(ctx context.Context, text string) func() error {
	return t.matrixStep(ctx, text, t.Stage.Robin.SendEmote)
}

type sender func(ctx context.Context, room id.RoomID, text string) (id.EventID, error)

func (t *talk) matrixStep(ctx context.Context, text string, send sender) func() error {
	return func() error {
		return t.OnMatrix(ctx, func(ctx context.Context) (id.EventID, error) {
			return send(ctx, t.Portal.Matrix, text)
		})
	}
}

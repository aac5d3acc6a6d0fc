package main

import (
	"context"

	"wazo-matrix-relay/wazoapi/wazotest"

	"maunium.net/go/mautrix/id"
)

// play plays the short conversation.
func (c *conversation) play(ctx context.Context) error {
	c.screen.header("Matrix room", "Wazo room")
	cast := c.stage.Cast
	for _, step := range []func() error{
		c.matrixText(ctx, "Good morning, does anybody know why the line is dead?"),
		c.wazoText(ctx, cast.Alice, "Good morning Robin, we are looking into it."),
		c.wazoText(ctx, cast.Bob, "It is the provider. Ça va revenir 🙂"),
		c.matrixMarkdown(ctx, "Thanks! It affects **all** of building _B_, see [the list](https://example.org/list)."),
		c.wazoText(ctx, cast.Chloe, "Noted: building B.\nTechnician on the way, 約三十分."),
		c.matrixEmote(ctx, "waits by the window"),
		c.wazoText(ctx, cast.Alice, "The line is back."),
		c.matrixText(ctx, "Confirmed, thank you all."),
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

func (c *conversation) wazoText(ctx context.Context, author wazotest.User, text string) func() error {
	return func() error { return c.onWazo(ctx, author, text) }
}

func (c *conversation) matrixText(ctx context.Context, text string) func() error {
	return c.matrixStep(ctx, text, c.stage.Robin.Send)
}

func (c *conversation) matrixMarkdown(ctx context.Context, text string) func() error {
	return c.matrixStep(ctx, text, c.stage.Robin.SendMarkdown)
}

func (c *conversation) matrixEmote(ctx context.Context, text string) func() error {
	return c.matrixStep(ctx, text, c.stage.Robin.SendEmote)
}

type sender func(ctx context.Context, room id.RoomID, text string) (id.EventID, error)

func (c *conversation) matrixStep(ctx context.Context, text string, send sender) func() error {
	return func() error {
		return c.onMatrix(ctx, func(ctx context.Context) (id.EventID, error) {
			return send(ctx, c.portal.Matrix, text)
		})
	}
}

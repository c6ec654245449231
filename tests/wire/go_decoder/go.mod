module go_decoder

go 1.21
